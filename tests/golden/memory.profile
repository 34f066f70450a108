# Precise loads with data sources: mem_op load, level, hit, TLB; and with numbered levels.
header python3 gather.py
event cpu/mem-loads,ldlat=30/pp count 0
traits - sampling 2
process 7 python3 3.12.1
thread 7 python3
# op load 0x2, L1 hit 0x8 << 5 | 0x2 << 5
data 0x142 4 7f0000001000
sample 60 1000 - py <module> /src/train.py 71 1 | py train /src/train.py 41 30 | n dgemm_kernel /usr/lib/libopenblas.so.0
# L3 hit
data 0x842 44 7f0000002000
sample 20 1000 - py <module> /src/train.py 71 1 | py gather /src/train.py 52 50 | n take_along /usr/lib/numpy/core/_m.so
# local DRAM, TLB miss (0x4 << 26)
data 0x10001042 310 7f0000003000
sample 15 1000 - py <module> /src/train.py 71 1 | py gather /src/train.py 52 50 | n take_along /usr/lib/numpy/core/_m.so
# numbered: RAM 0xd << 33, remote 1 << 37
data 0x3a00000002 900 7f0000004000
sample 5 1000 - py <module> /src/train.py 71 1 | py gather /src/train.py 52 50 | n take_along /usr/lib/numpy/core/_m.so
end 1
