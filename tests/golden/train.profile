# A NumPy program: most of the time in BLAS, some in Python, some in the kernel, a little of everything else.
header python3 train.py --epochs 3
event cpu-clock ns 999 this machine has no PMU
process 4242 python3 3.11.2
thread 4242 python3
sample 600 1000000 - n _start /usr/bin/python3.11 | n __libc_start_main /usr/lib/x86_64-linux-gnu/libc.so.6 | n Py_BytesMain /usr/bin/python3.11 | n run_mod /usr/bin/python3.11 | py <module> /src/train.py 88 1 | py main /src/train.py 71 60 | py step /src/train.py 41 40 | n PyNumber_MatrixMultiply /usr/bin/python3.11 | n array_matrix_multiply /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so | n ufunc_generic_fastcall /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so | n DOUBLE_matmul /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so | n cblas_dgemm /usr/lib/libopenblas64_p-r0-0cf96a72.3.23.dev.so | n dgemm_nn /usr/lib/libopenblas64_p-r0-0cf96a72.3.23.dev.so | n dgemm_driver,inner_thread /usr/lib/libopenblas64_p-r0-0cf96a72.3.23.dev.so | n dgemm_kernel_HASWELL /usr/lib/libopenblas64_p-r0-0cf96a72.3.23.dev.so
sample 170 1000000 - n _start /usr/bin/python3.11 | n __libc_start_main /usr/lib/x86_64-linux-gnu/libc.so.6 | py <module> /src/train.py 88 1 | py main /src/train.py 71 60 | py nearest /src/train.py 52 50 | n array_argsort /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so | n aquicksort_double /usr/lib/python3/dist-packages/numpy/core/_multiarray_umath.cpython-311-x86_64-linux-gnu.so
sample 80 1000000 - py <module> /src/train.py 88 1 | py main /src/train.py 71 60 | py nearest /src/train.py 53 50
sample 60 1000000 - py <module> /src/train.py 88 1 | py main /src/train.py 72 60 | n builtin_sorted /usr/bin/python3.11 | n list_sort_impl /usr/bin/python3.11 | n _PyFunction_Vectorcall /usr/bin/python3.11 | py main.<locals>.<lambda> /src/train.py 73 73
sample 40 1000000 - py <module> /src/train.py 88 1 | py main /src/train.py 75 60 | n _io_FileIO_readinto /usr/bin/python3.11 | n read /usr/lib/x86_64-linux-gnu/libc.so.6 | k entry_SYSCALL_64_after_hwframe | k do_syscall_64 | k ksys_read | k vfs_read | k copy_user_generic
sample 20 1000000 - py <module> /src/train.py 88 1 | py main /src/train.py 60 60
sample 5 1000000 g py <module> /src/train.py 88 1 | py main /src/train.py 71 60 | gap | n ? /usr/lib/libjit.so
sample 4 1000000 t truncated | n memcpy /usr/lib/x86_64-linux-gnu/libc.so.6
sample 3 1000000 u py <module> /src/train.py 88 1 | unmerged | py lost /src/train.py 99 98
sample 2 1000000 d py <module> /src/train.py 88 1 | py main /src/train.py 74 60 | n ? /usr/lib/libjit.so
thread 4243 worker
sample 16 1000000 - n clone3 /usr/lib/x86_64-linux-gnu/libc.so.6 | n start_thread /usr/lib/x86_64-linux-gnu/libc.so.6 | n blas_thread_server /usr/lib/libopenblas64_p-r0-0cf96a72.3.23.dev.so | n sched_yield /usr/lib/x86_64-linux-gnu/libc.so.6 | k entry_SYSCALL_64_after_hwframe | k schedule
lost 7
end 12.42
