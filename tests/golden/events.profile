# Two events, one that counts; processes and threads; a recording that was cut off, with notes and throttling.
header pid 10,20
event cpu-clock ns 999
event cache-misses count 0
process 10 python3 CPython 3.11.2
thread 10 python3
sample 3 10000 d py <module> /a.py 5 1 | n memcpy /usr/lib/x86_64-linux-gnu/libc.so.6
thread 11 python3
name worker
sample 2 10000 - py run /a.py 9 8 | n array_sum /usr/lib/python3/dist-packages/numpy/core/_m.so
process 20 sh
thread 20 sh
sample 1 123456 - k do_exit
sample 1 1 m
lost 2
throttled 5
note process 20 (sh): no Python was found in it, and this sentence is long enough to be wrapped at the edge of a narrow terminal
