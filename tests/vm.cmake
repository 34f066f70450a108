# A library with a loop of a known number of instructions (tests/targets/counted_lines.py).
add_library(counted_loop MODULE ${CMAKE_CURRENT_LIST_DIR}/targets/counted_loop.c)
target_compile_options(counted_loop PRIVATE -O2 -g -fvisibility=hidden)
set_target_properties(counted_loop PROPERTIES PREFIX "")

# Guests of other kernels and of aarch64 (tests/vm/run). Only what fits into some minutes: the oldest kernel, the newest of a
# stable Debian, and a processor with counters. docs/testing-in-guests.md says how to run the rest.
if(NOT CMAKE_CROSSCOMPILING)
  set(guest ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/vm/run --work ${PROJECT_SOURCE_DIR}/build/vm --quick)
  if(CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64)
    add_test(NAME vm.bullseye COMMAND ${guest} --release bullseye --seconds 280 --build ${CMAKE_BINARY_DIR})
    add_test(NAME vm.trixie COMMAND ${guest} --release trixie --cpus 1 --seconds 280 --build ${CMAKE_BINARY_DIR})
  endif()
  add_test(NAME vm.counters COMMAND ${guest} --arch arm64 --icount 1 --seconds 280)
  foreach(name bullseye trixie counters)
    if(TEST vm.${name})
      set_tests_properties(vm.${name} PROPERTIES LABELS vm SKIP_RETURN_CODE 77 RUN_SERIAL TRUE TIMEOUT 420)
    endif()
  endforeach()
endif()
