# Attributes of events, compared with those of perf.
add_executable(print_attributes ${CMAKE_CURRENT_LIST_DIR}/fixtures/print_attributes.c)
target_link_libraries(print_attributes PRIVATE plait_perf)
add_test(NAME events.attributes
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/fixtures/compare_attributes.py $<TARGET_FILE:print_attributes>)
set_tests_properties(events.attributes PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
