"""Sub-interpreters called from Python, as a program whose every possible stack is known.

The comments behind "#>" are those of reentry.py; "#^" marks a function that a thread starts with. Each sub-interpreter
imports this file anew. Takes the seconds of CPU time that each thread runs as its argument, and "isolated" (with a GIL
of its own) or "legacy".
"""
import sys
import time
import zlib

try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters

SCRIPT = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, {0!r}); import subinterpreters as own; own.{1}"
DATA = bytes(range(256)) * 64
inner_one = None


def spin(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def leaf_key(x):
    return spin(100) - x  #> spin


def by_sorted():
    return sorted([3, 1, 2], key=leaf_key)  #> leaf_key


def without_gil():
    return zlib.compress(DATA)  # on the CPU with the thread state detached


def busy(times):
    for _ in range(times):
        spin(300)  #> spin
        by_sorted()  #> by_sorted
        without_gil()  #> without_gil


def create(kind):
    if sys.version_info >= (3, 13):
        return interpreters.create(kind)
    if sys.version_info >= (3, 12):
        return interpreters.create(isolated=kind == "isolated")
    return interpreters.create()


def enter(interpreter, call):
    script = SCRIPT.format(__file__.rpartition("/")[0], call)
    if sys.version_info >= (3, 13):
        failure = interpreters.exec(interpreter, script)  #> <module> inner nested *
        if failure:
            raise RuntimeError(failure)
    else:
        interpreters.run_string(interpreter, script)  #> <module> inner nested *


def inner(times):
    busy(times)  #> busy


def nested(times, kind):
    """Runs in a sub-interpreter, and calls another one."""
    global inner_one
    if inner_one is None:
        inner_one = create(kind)  #> create
    busy(1)  #> busy
    enter(inner_one, f"inner({times})")  #> enter


def rounds(kind, seconds):
    one, another = create(kind), create(kind)  #> create
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        busy(1)  #> busy
        enter(one, "inner(5)")  #> enter
        enter(another, f"nested(5, {kind!r})")  #> enter


def worker(kind, seconds):  #^
    rounds(kind, seconds)  #> rounds


def main(seconds, kind):
    import threading
    thread = threading.Thread(target=worker, args=(kind, seconds))
    thread.start()
    rounds(kind, seconds)  #> rounds
    thread.join()


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2])  #> main
