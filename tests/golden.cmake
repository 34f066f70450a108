# Goldens of the reports: PLAIT_BLESS=1 build/dev/tests/golden_report tests/golden (or golden_diff) accepts what is written now.
if(TARGET plait_render)
  add_executable(golden_report ${CMAKE_CURRENT_LIST_DIR}/golden/golden_report.c)
  target_include_directories(golden_report PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(golden_report PRIVATE plait_render)
  add_test(NAME golden.report COMMAND golden_report ${CMAKE_CURRENT_LIST_DIR}/golden)

  add_executable(golden_diff ${CMAKE_CURRENT_LIST_DIR}/golden/golden_diff.c)
  target_include_directories(golden_diff PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(golden_diff PRIVATE plait_render)
  add_test(NAME golden.diff COMMAND golden_diff ${CMAKE_CURRENT_LIST_DIR}/golden)

  # What says it is JSON must be JSON to somebody else's parser, too.
  add_test(NAME golden.json COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/golden/check_json.py
           ${CMAKE_CURRENT_LIST_DIR}/golden)
endif()
