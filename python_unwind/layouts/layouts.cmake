# The tables of python_unwind/layouts/*.layout, made into one C file of the library.
file(GLOB layout_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/*.layout)
set(layouts_c ${CMAKE_CURRENT_BINARY_DIR}/layouts.c)
add_custom_command(
  OUTPUT ${layouts_c}
  COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/gen_layouts.py ${layouts_c}
          ${CMAKE_CURRENT_LIST_DIR}/layout.h ${layout_files}
  DEPENDS ${CMAKE_CURRENT_LIST_DIR}/gen_layouts.py ${CMAKE_CURRENT_LIST_DIR}/layout.h ${layout_files}
  VERBATIM)
target_sources(plait_python_unwind PRIVATE ${layouts_c})
target_link_libraries(plait_python_unwind PUBLIC PkgConfig::CAPSTONE)
