# Structure checks, end-to-end tests (pytest, one ctest test a file), and the extra tests of the folders.
add_test(NAME arch.layers COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/arch/check_layers.py)
add_test(NAME arch.limits COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_SOURCE_DIR}/arch/check_limits.py)
find_program(CLANG_FORMAT clang-format)
if(CLANG_FORMAT)
  add_test(NAME arch.format COMMAND ${CMAKE_CURRENT_SOURCE_DIR}/arch/check_format ${CLANG_FORMAT})
endif()

# The interpreter of the end-to-end tests. A version manager may put a python3 first in PATH that lacks what tools/setup
# installs for Debian's: the first that has both pytest and selenium, else the first with pytest, else the build's own.
find_program(SYSTEM_PYTHON3 python3 PATHS /usr/bin NO_DEFAULT_PATH)
set(test_python ${Python3_EXECUTABLE})
foreach(modules "pytest" "pytest, selenium")
  foreach(candidate ${SYSTEM_PYTHON3} ${Python3_EXECUTABLE})
    execute_process(COMMAND ${candidate} -c "import ${modules}" RESULT_VARIABLE lacks OUTPUT_QUIET ERROR_QUIET)
    if(lacks EQUAL 0)
      set(test_python ${candidate})
    endif()
  endforeach()
endforeach()
message(STATUS "End-to-end tests run with ${test_python}")

file(GLOB e2e_tests CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/e2e/test_*.py)
foreach(source ${e2e_tests})
  get_filename_component(name ${source} NAME_WE)
  string(REPLACE "test_" "" name ${name})
  add_test(NAME e2e.${name} COMMAND ${test_python} -m pytest -q -rs -p no:cacheprovider ${source})
  set_tests_properties(e2e.${name} PROPERTIES
    ENVIRONMENT "PLAIT=$<TARGET_FILE:plait>;PLAIT_TEST_BIN=${CMAKE_CURRENT_BINARY_DIR};PYTHONDONTWRITEBYTECODE=1"
    TIMEOUT 1800)
endforeach()

foreach(extra recording golden positions events view vm)
  include(${CMAKE_CURRENT_SOURCE_DIR}/${extra}.cmake OPTIONAL)
endforeach()

# What also runs with sanitizers in CI (tools/test).
get_property(all DIRECTORY PROPERTY TESTS)
foreach(test ${all})
  if(test MATCHES "^(unit|fuzz|golden)\\.|^e2e\\.(cli|view)$")
    set_property(TEST ${test} APPEND PROPERTY LABELS sanitize)
  endif()
endforeach()
