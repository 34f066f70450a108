"""Every way from Python through C back into Python, as a program whose every possible stack is known.

A line that calls another function of this file names it behind "#>": the grammar of legal stacks. A line without one is
a leaf as far as this file goes. "#> *" says that Python code of other files may lie between. tests/e2e/grammar.py checks
recorded stacks against it. Names are unique, so that versions without qualified names can be checked the same way.
Takes the seconds of CPU time to run as its argument.
"""
import ctypes
import functools
import importlib.util
import json
import os
import re
import sys
import time


def spin(n):
    total = 0
    for i in range(n):
        total += i * i % 7
    return total


def leaf_key(x):
    return spin(60) - x  #> spin


def by_sorted():
    return sorted([3, 1, 2], key=leaf_key)  #> leaf_key


def leaf_map(x):
    return spin(60) + x  #> spin


def by_map():
    return list(map(leaf_map, [1, 2, 3]))  #> leaf_map


def leaf_reduce(a, b):
    return a + b + spin(60)  #> spin


def by_reduce():
    return functools.reduce(leaf_reduce, [1, 2, 3, 4])  #> leaf_reduce


class Thing:  #> Thing
    def __init__(self, value):
        self.value = value + spin(60) * 0  #> spin

    @property
    def prop(self):
        return spin(120) + self.value  #> spin

    def __lt__(self, other):
        return spin(60) * 0 + self.value < other.value  #> spin

    def __getitem__(self, index):
        return spin(60) + index  #> spin

    def __getattr__(self, name):
        return spin(60)  #> spin

    def __call__(self, *args, **kwargs):
        return spin(60)  #> spin

    def __enter__(self):
        return spin(60)  #> spin

    def __exit__(self, *args):
        spin(60)  #> spin


class Dying:  #> Dying
    def __del__(self):
        spin(120)  #> spin


def by_init():
    return Thing(1)  #> __init__


def by_prop(thing):
    return thing.prop  #> prop


def by_lt(things):
    things.sort()  #> __lt__


def by_getitem(thing):
    return thing[3]  #> __getitem__


def by_getattr(thing):
    return thing.missing  #> __getattr__


def by_call(thing, *args, **kwargs):
    return thing(*args, **kwargs)  #> __call__


def by_with(thing):
    with thing:  #> __enter__ __exit__
        pass  #> __exit__


def by_del():
    dying = Dying()
    del dying  #> __del__


def by_class_body():
    class Body:  #> Body
        total = spin(120)  #> spin
    return Body


CODE = compile("result = spin(120)", "<reentry-exec>", "exec")


def by_exec():
    exec(CODE, {"spin": spin})  #> * spin


def by_import(path):
    spec = importlib.util.spec_from_file_location("reentry_imported", path)
    module = importlib.util.module_from_spec(spec)
    module.spin = spin
    spec.loader.exec_module(module)  #> * spin


def generator(n):
    for i in range(n):
        yield spin(60) + i  #> spin


def by_generator():
    for value in generator(3):  #> generator
        pass
    return sum(generator(3))  #> generator


def delegating():
    yield from generator(3)  #> generator


def by_yield_from():
    return list(delegating())  #> delegating


async def inner_coroutine():
    return spin(120)  #> spin


async def coroutine():
    return await inner_coroutine()  #> inner_coroutine


def by_coroutine():
    try:
        coroutine().send(None)  #> coroutine
    except StopIteration:
        pass


def leaf_sub(match):
    return str(spin(60))  #> spin


def by_sub():
    return re.sub(r"\d", leaf_sub, "a1b2c3")  #> * leaf_sub


def leaf_default(value):
    return spin(60)  #> spin


def by_json():
    return json.dumps([{1}, {2}], default=leaf_default)  #> * leaf_default


@ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
def leaf_compare(a, b):
    return spin(60) * 0 + a[0] - b[0]  #> spin


LIBC = ctypes.CDLL(None)


def by_ctypes():
    array = (ctypes.c_int * 4)(4, 2, 3, 1)
    LIBC.qsort(array, 4, 4, leaf_compare)  #> leaf_compare


def deep(n):
    if n == 0:
        return spin(2000)  #> spin
    return deep(n - 1)  #> deep


def deep_through_c(n):
    if n == 0:
        return spin(2000)  #> spin
    return list(map(deep_through_c, [n - 1]))  #> deep_through_c


def by_lambda():
    return (lambda: spin(60))()  #> <lambda> spin


def by_raise():
    try:
        raise_it()  #> raise_it
    except ValueError:
        pass


def raise_it():
    spin(60)  #> spin
    raise ValueError


def one_round(path, thing, things):
    by_sorted()  #> by_sorted
    by_map()  #> by_map
    by_reduce()  #> by_reduce
    by_init()  #> by_init
    by_prop(thing)  #> by_prop
    by_lt(things)  #> by_lt
    by_getitem(thing)  #> by_getitem
    by_getattr(thing)  #> by_getattr
    by_call(thing, 1, two=2)  #> by_call
    by_with(thing)  #> by_with
    by_del()  #> by_del
    by_class_body()  #> by_class_body
    by_exec()  #> by_exec
    by_import(path)  #> by_import
    by_generator()  #> by_generator
    by_yield_from()  #> by_yield_from
    by_coroutine()  #> by_coroutine
    by_sub()  #> by_sub
    by_json()  #> by_json
    by_ctypes()  #> by_ctypes
    by_lambda()  #> by_lambda
    by_raise()  #> by_raise


def main():
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "reentry_imported.py")
    end = time.process_time() + float(sys.argv[1])
    sys.setrecursionlimit(5000)
    thing, things = Thing(1), [Thing(3), Thing(1), Thing(2)]  #> __init__
    rounds = 0
    while time.process_time() < end:
        one_round(path, thing, things)  #> one_round
        rounds += 1
        if rounds % 20 == 0:
            deep(900)  #> deep
            deep_through_c(200)  #> deep_through_c


if __name__ == "__main__":
    main()  #> main
