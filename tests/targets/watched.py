"""Writes to one watched word, a known number of times (nine times the argument), at known places: an exact oracle. Prints
the word's address, waits for a line on standard input, and then writes. "#>" names what a line calls (tests/e2e/grammar.py)."""
import ctypes
import functools
import os
import sys

CELL = ctypes.c_long(0)
TIMES = int(sys.argv[1]) if len(sys.argv) > 1 else 200


def write(value):
    CELL.value = value
    return value


def by_call():
    for i in range(TIMES):
        write(i)  #> write


def by_sorted():
    sorted(range(TIMES), key=write)  #> write


def by_map():
    list(map(write, range(TIMES)))  #> write


def by_reduce():
    functools.reduce(lambda a, b: write(b), range(TIMES + 1))  #> <lambda> write


def writing():
    for i in range(TIMES):
        yield write(i)  #> write


def by_generator():
    for _ in writing():  #> writing
        pass


class Writer:  #> Writer
    def __init__(self):
        write(1)  #> write

    def __del__(self):
        write(2)  #> write

    @property
    def value(self):
        return write(3)  #> write


def by_object():
    for _ in range(TIMES):
        writer = Writer()  #> __init__
        writer.value  #> value
        del writer  #> __del__


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def compare(a, b):
    return write(a[0] - b[0]) and a[0] - b[0]  #> write


def by_ctypes():
    for _ in range(TIMES):
        ctypes.CDLL(None).qsort((ctypes.c_int * 2)(2, 1), 2, 4, compare)  #> compare


def main():
    print(hex(ctypes.addressof(CELL)), flush=True)
    sys.stdin.readline()
    by_call()  #> by_call
    by_sorted()  #> by_sorted
    by_map()  #> by_map
    by_reduce()  #> by_reduce
    by_generator()  #> by_generator
    by_object()  #> by_object
    by_ctypes()  #> by_ctypes


main()  #> main
os._exit(0)  # at its end a debug build would fill the word with what marks freed memory
