# The oracle of tests/e2e/test_positions.py, which runs it from PLAIT_TEST_BIN.
add_executable(line_table_check ${CMAKE_CURRENT_LIST_DIR}/fixtures/line_table_check.c)
target_link_libraries(line_table_check PRIVATE plait_python_unwind)
