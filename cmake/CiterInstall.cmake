install(DIRECTORY include/citer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY models/demo/ DESTINATION ${CMAKE_INSTALL_DATADIR}/citer
  FILES_MATCHING PATTERN "*.gguf" PATTERN "data/*.jsonl" PATTERN "recipe" EXCLUDE)

if(NOT CITER_PREFIX_LOADER)
  install(TARGETS citer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  return()
endif()

# Built against the private prefix: its libraries go along, and a script starts the program with them.
set(home ${CMAKE_INSTALL_LIBDIR}/citer)
install(TARGETS citer RUNTIME DESTINATION ${home})
install(DIRECTORY ${CITER_PREFIX_LIBDIR}/ DESTINATION ${home}/runtime
  FILES_MATCHING PATTERN "*.so*" PATTERN "gconv" EXCLUDE PATTERN "engines-3" EXCLUDE)
get_filename_component(loader ${CITER_PREFIX_LOADER} NAME)
get_filename_component(backends ${CITER_BACKEND_DIR} NAME)
file(RELATIVE_PATH up /${CMAKE_INSTALL_BINDIR} /)
file(WRITE ${CMAKE_BINARY_DIR}/citer.sh [=[#!/bin/sh
root=$(dirname "$(readlink -f "$0")")/@up@
home=$root/@home@
: "${CITER_BACKEND_DIR:=$home/runtime/ggml/@backends@}"
: "${CITER_MODEL_DIR:=$root/@CMAKE_INSTALL_DATADIR@/citer}"
export CITER_BACKEND_DIR CITER_MODEL_DIR
exec "$home/runtime/@loader@" --library-path "$home/runtime" "$home/citer" "$@"
]=])
configure_file(${CMAKE_BINARY_DIR}/citer.sh ${CMAKE_BINARY_DIR}/installed/citer @ONLY)
install(PROGRAMS ${CMAKE_BINARY_DIR}/installed/citer DESTINATION ${CMAKE_INSTALL_BINDIR})
