"""A function with local variables of many kinds, asleep; "broken": some of its objects are damaged."""
import ctypes
import sys
import time


class Thing:
    pass


def function(number, text, *args, key=None, **kw):
    flag, nothing, ratio, negative, large, middle = True, None, 3.25, -5, 2 ** 100, 2 ** 40
    unicode, long, empty = "gr\u00fc\u00dfe \u20ac \U0001f600", "x" * 100, ""
    items, pair, table, members, raw, thing = [1, 2], (1, 2, 3), {"a": 1}, {1, 2, 3, 4}, b"abc", Thing()
    gone = 0
    del gone
    if "broken" in sys.argv:
        broken_list, broken_text = [[] for _ in range(2)]
        word = ctypes.sizeof(ctypes.c_void_p)
        header = object.__basicsize__ - word  # where ob_type is
        ctypes.c_void_p.from_address(id(broken_list) + header).value = 0x10  # no type there
        ctypes.c_void_p.from_address(id(broken_text) + header).value = id(str)  # a list that says it is a str
    print("ready", flush=True)
    time.sleep(1000)


function(42, "hello", 1, 2, key="k", extra=1)
