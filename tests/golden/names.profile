# Names that are wide, combining, long, or mean harm.
header run \x1b[2J\x07 --name=\xff\xfe
event cpu-clock ns 999
process 7 \x1b]0;title\x07
thread 7 a;b
sample 40 1000000 - py 計算する /src/日本語/模型.py 7 1 | n Ωμέγα::λ /lib/libgreek.so
sample 20 1000000 - py e\xcc\x81te\xcc\x81 /src/mod\xc3\xa8le.py 8 1
sample 20 1000000 - py \x1b[31mred\x1b[0m /src/\x0aevil\x0d.py 9 1 | n \xe2\x80\xaegnal.\xc2\x9b31m /lib/lib\x80bad.so
sample 10 1000000 - py very_long_name_of_a_function_that_nobody_wants_to_read_in_full_on_a_narrow_terminal /src/package/__init__.py 10 1
sample 10 1000000 - n operator(std::vector<int;float>)"quoted\x5c" /lib/a;b.so
note \x1b]8;;http://x\x07click\x1b]8;;\x07 is not a link
end 0.1
