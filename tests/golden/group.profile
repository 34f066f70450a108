# A group with :S, shared counters, an event that never ran, a metric.
metric ipc
header python3 train.py
event cycles count 999
traits 0 sampling 0
count 90000000 2000000 1250000
event instructions count 0
traits 0 counting 0
count 120000000 2000000 1250000
event cache-misses count 0
traits 0 counting 0
count 300000 2000000 1250000
event dTLB-loads count 0
traits - sampling 0
count 0 2000000 0
process 7 python3 3.12.1
thread 7 python3
reads 1000000 2100000 1000
sample 30 1000000 - py <module> /src/train.py 71 1 | py train /src/train.py 41 30 | n dgemm_kernel /usr/lib/libopenblas.so.0
reads 1000000 1900000 1000
sample 30 1000000 - py <module> /src/train.py 71 1 | py train /src/train.py 41 30 | n dgemm_kernel /usr/lib/libopenblas.so.0
reads 1000000 400000 30000
sample 20 1000000 - py <module> /src/train.py 71 1 | py gather /src/train.py 52 50 | n take_along /usr/lib/numpy/core/_m.so
reads 1000000 500000 12000
sample 5 1000000 - py <module> /src/train.py 71 1 | py gather /src/train.py 53 50 | n take_along /usr/lib/numpy/core/_m.so
reads 1000000 1000000 0
sample 15 1000000 - py <module> /src/train.py 71 1
end 1.5
