# The recording's format, seen by a second reader that was written from docs/recording-format.md alone.
foreach(program make_recording dump_recording)
  add_executable(${program} ${CMAKE_CURRENT_LIST_DIR}/fixtures/${program}.c)
  target_include_directories(${program} PRIVATE ${CMAKE_CURRENT_LIST_DIR})
  target_link_libraries(${program} PRIVATE plait_recording)
endforeach()
add_test(NAME recording.python_reader
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/fixtures/compare_recording_readers.py
          $<TARGET_FILE:make_recording> $<TARGET_FILE:dump_recording>)
set_tests_properties(recording.python_reader PROPERTIES SKIP_RETURN_CODE 77 ENVIRONMENT PYTHONDONTWRITEBYTECODE=1)
