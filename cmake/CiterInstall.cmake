install(DIRECTORY include/citer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/demo/ DESTINATION ${CMAKE_INSTALL_DATADIR}/citer
  FILES_MATCHING PATTERN "*.gguf" PATTERN "data/*.jsonl" PATTERN "recipe" EXCLUDE)

if(NOT CITER_PREFIX_LOADER)
  install(TARGETS citer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  return()
endif()

# Built against the private prefix: its libraries go along (not those of llama.cpp's own tools), and a
# script starts the program with them.
set(home ${CMAKE_INSTALL_LIBDIR}/citer)
install(TARGETS citer RUNTIME DESTINATION ${home})
install(DIRECTORY ${CITER_PREFIX_LIBDIR}/ DESTINATION ${home}/runtime USE_SOURCE_PERMISSIONS
  FILES_MATCHING PATTERN "*.so*"
  PATTERN "gconv" EXCLUDE PATTERN "engines-3" EXCLUDE PATTERN "llama" EXCLUDE)
get_filename_component(loader ${CITER_PREFIX_LOADER} NAME)
get_filename_component(backends ${CITER_BACKEND_DIR} NAME)
string(REGEX REPLACE "[^/]+" ".." root_from_bin ${CMAKE_INSTALL_BINDIR})
configure_file(cmake/citer.sh.in installed/citer @ONLY)
install(PROGRAMS ${CMAKE_BINARY_DIR}/installed/citer DESTINATION ${CMAKE_INSTALL_BINDIR})
