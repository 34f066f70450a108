"""Does what an event counts a known number of times, each on a line of its own.

    known_counts.py             prints the C library's path, then does it all
"""
import ctypes
import mmap
import os
import sys

PAGES, CALLS, OTHER_CALLS, SYSTEM_CALLS = 300, 37, 11, 21
PAGE = mmap.PAGESIZE
libc = ctypes.CDLL(None)


def touch(memory):
    for i in range(PAGES):
        memory[i * PAGE] = 1  # first touch


def call(function):
    for _ in range(CALLS):
        function(-5)  # call


def call_other(function):
    for _ in range(OTHER_CALLS):
        function(-5)  # other call


def ask():
    for _ in range(SYSTEM_CALLS):
        os.getppid()  # system call


def main():
    memory = mmap.mmap(-1, PAGES * PAGE)
    if hasattr(memory, "madvise") and hasattr(mmap, "MADV_NOHUGEPAGE"):
        memory.madvise(mmap.MADV_NOHUGEPAGE)
    touch(memory)
    call(libc.abs)
    call_other(libc.abs)
    ask()
    sys.stdout.flush()


if __name__ == "__main__":
    main()
