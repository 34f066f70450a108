"""Executes a known number of instructions on each of its marked lines.

    counted_lines.py LIBRARY [TIMES]      LIBRARY is that of counted_loop.c

The number that a line ends with is of instructions in user mode, of the loop that it calls alone, for TIMES = 1."""
import ctypes
import sys

loop = ctypes.CDLL(sys.argv[1]).counted_loop
loop.argtypes = [ctypes.c_uint64]
loop.restype = None


def callback():
    loop(3_000_000)  #= 6_000_000


def inner():
    loop(2_000_000)  #= 4_000_000
    loop(4_000_000)  #= 8_000_000


def outer():
    inner()
    loop(1_000_000)  #= 2_000_000


def through_c():
    list(map(lambda _: callback(), [None]))


for _ in range(int(sys.argv[2]) if len(sys.argv) > 2 else 1):
    outer()
    through_c()
    loop(5_000_000)  #= 10_000_000
