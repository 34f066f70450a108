# Recordings that tests/e2e/test_view.py and bench/view look at.
add_executable(make_view_recording ${CMAKE_CURRENT_SOURCE_DIR}/fixtures/make_view_recording.c)
target_link_libraries(make_view_recording PRIVATE plait_recording)
