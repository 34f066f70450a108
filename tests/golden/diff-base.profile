# The base of a comparison: see diff-new.profile.
header python3 train.py --epochs 3
event cpu-clock ns 999 this machine has no PMU
process 4242 python3 3.11.2
thread 4242 python3
sample 6000 1000000 - py <module> /home/ann/train/train.py 88 1 | py main /home/ann/train/train.py 71 60 | py Trainer.step /home/ann/train/train.py 41 40 | n cblas_dgemm /usr/lib/python3/dist-packages/numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.so | n dgemm_kernel /usr/lib/python3/dist-packages/numpy.libs/libopenblas64_p-r0-0cf96a72.3.23.so
sample 3000 1000000 - py <module> /home/ann/train/train.py 88 1 | py main /home/ann/train/train.py 71 60 | py nearest /home/ann/train/train.py 52 50 | n array_argsort /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.so
sample 2500 1000000 - py <module> /home/ann/train/train.py 88 1 | py main /home/ann/train/train.py 72 60 | py load /home/ann/train/util/data.py 12 10
sample 1500 1000000 - py <module> /home/ann/train/train.py 88 1 | py main /home/ann/train/train.py 73 60 | py old_cache /home/ann/train/util/data.py 33 30
sample 600 1000000 - py <module> /home/ann/train/train.py 88 1 | py main /home/ann/train/train.py 75 60 | n read /usr/lib/x86_64-linux-gnu/libc.so.6 | k do_syscall_64 | k vfs_read
sample 15 1000000 - n clone3 /usr/lib/x86_64-linux-gnu/libc.so.6 | n ? /usr/lib/libjit.so
end 13.62
