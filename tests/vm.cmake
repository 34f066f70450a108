# A library with a loop of a known number of instructions (tests/targets/counted_lines.py).
add_library(counted_loop MODULE ${CMAKE_CURRENT_LIST_DIR}/targets/counted_loop.c)
target_compile_options(counted_loop PRIVATE -O2 -g -fvisibility=hidden)
set_target_properties(counted_loop PROPERTIES PREFIX "")
