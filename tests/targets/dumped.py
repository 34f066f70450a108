"""Threads whose stacks are known: asleep in several ways, and one that runs. Prints "ready" when all are in place."""
import queue
import select
import sys
import threading
import time


def in_queue(empty):
    empty.get()  # line 10


def in_sleep():
    time.sleep(1000)  # line 14


def in_epoll():
    select.epoll().poll(1000)  # line 18


def in_sort():
    return sorted([2, 1], key=lambda value: time.sleep(1000))  # line 22


def running():
    while True:
        sum(range(1000))  # line 27


def deep(depth):
    if depth:
        return deep(depth - 1)  # line 32
    time.sleep(1000)  # line 33


threading.stack_size(64 * 1024 * 1024)
for target, arguments in ((in_queue, (queue.Queue(),)), (in_sleep, ()), (in_epoll, ()), (in_sort, ()), (deep, (300,))):
    threading.Thread(target=target, args=arguments, daemon=True).start()
if "quiet" not in sys.argv:
    threading.Thread(target=running, daemon=True).start()
time.sleep(0.3)
print("ready", flush=True)
time.sleep(1000)
