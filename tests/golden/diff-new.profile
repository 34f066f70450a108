# Against diff-base.profile: another checkout, lines moved by two; argsort 30 % slower, load 20 % faster, a cache gone,
# another one new.
header python3 train.py --epochs 3
event cpu-clock ns 999 this machine has no PMU
process 5151 python3 3.11.2
thread 5151 python3
sample 6050 1000000 - py <module> /builds/17/train/train.py 90 1 | py main /builds/17/train/train.py 73 62 | py Trainer.step /builds/17/train/train.py 43 42 | n cblas_dgemm /venv/lib/python3.11/site-packages/numpy.libs/libopenblas64_p-r0-deadbeef.3.24.so | n dgemm_kernel /venv/lib/python3.11/site-packages/numpy.libs/libopenblas64_p-r0-deadbeef.3.24.so
sample 3900 1000000 - py <module> /builds/17/train/train.py 90 1 | py main /builds/17/train/train.py 73 62 | py nearest /builds/17/train/train.py 54 52 | n array_argsort /venv/lib/python3.11/site-packages/numpy/core/_multiarray_umath.so
sample 2000 1000000 - py <module> /builds/17/train/train.py 90 1 | py main /builds/17/train/train.py 74 62 | py load /builds/17/train/util/data.py 12 10
sample 700 1000000 - py <module> /builds/17/train/train.py 90 1 | py main /builds/17/train/train.py 75 62 | py Cache.\xe8\xa8\x88 /builds/17/train/util/data.py 35 31
sample 590 1000000 - py <module> /builds/17/train/train.py 90 1 | py main /builds/17/train/train.py 77 62 | n read /usr/lib/x86_64-linux-gnu/libc.so.6 | k do_syscall_64 | k vfs_read
sample 19 1000000 - n clone3 /usr/lib/x86_64-linux-gnu/libc.so.6 | n ? /usr/lib/libjit.so
end 13.26
