# A metric of events that were sampled apart: each sample is of the event before it.
metric cache-misses/instructions
header python3 train.py
process 7 python3 3.12.1
thread 7 python3
event instructions count 0
sample 400 1000000 - py <module> /src/train.py 71 1 | n take_along /usr/lib/numpy/core/_m.so
event cache-misses:u count 0
sample 100 10000 - py <module> /src/train.py 71 1 | n take_along /usr/lib/numpy/core/_m.so
end 1
