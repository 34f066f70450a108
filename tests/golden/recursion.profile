# Recursion: of one function, of two in turn through C, and one that is no recursion.
header python3 recurse.py
event cpu-clock ns 999
process 7 python3 CPython 3.12.1
thread 7 python3
sample 50 1000000 - py <module> /src/r.py 90 1 | py deep /src/r.py 11 10 | *899 py deep /src/r.py 12 10 | py leaf /src/r.py 20 19
sample 10 1000000 - py <module> /src/r.py 90 1 | py deep /src/r.py 11 10 | *450 py deep /src/r.py 12 10
sample 30 1000000 - py <module> /src/r.py 91 1 | py key /src/r.py 31 30 | n builtin_sorted /usr/bin/python3.12 | n list_sort_impl /usr/bin/python3.12 | py key /src/r.py 31 30 | n builtin_sorted /usr/bin/python3.12 | n list_sort_impl /usr/bin/python3.12 | py key /src/r.py 31 30 | n builtin_sorted /usr/bin/python3.12 | n list_sort_impl /usr/bin/python3.12 | py key /src/r.py 32 30
sample 10 1000000 - py <module> /src/r.py 92 1 | py twice /src/r.py 41 40 | py twice /src/r.py 41 40 | py end /src/r.py 51 50
end 0.1
