# Two components: `program`, with the bundled pair and what both need to run, and `library`.
include(CMakePackageConfigHelpers)

set(home ${CMAKE_INSTALL_LIBDIR}/citer)
set(citer_runtime ${home}/runtime)
set(citer_model_dir ${CMAKE_INSTALL_DATADIR}/citer)
set(citer_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/citer)

install(DIRECTORY models/demo/ DESTINATION ${citer_model_dir} COMPONENT program
  FILES_MATCHING PATTERN "*.gguf" PATTERN "data/*.jsonl" PATTERN "recipe" EXCLUDE)

if(CITER_PREFIX_LOADER)
  # Built against the private prefix: its libraries go along (not those of llama.cpp's own tools), and a
  # script starts the program with them.
  get_filename_component(citer_loader ${CITER_PREFIX_LOADER} NAME)
  string(REGEX REPLACE "[^/]+" ".." root_from_bin ${CMAKE_INSTALL_BINDIR})
  configure_file(cmake/citer.sh.in installed/citer @ONLY)
  install(PROGRAMS ${CMAKE_BINARY_DIR}/installed/citer DESTINATION ${CMAKE_INSTALL_BINDIR}
    COMPONENT program)
  install(TARGETS citer RUNTIME DESTINATION ${home} COMPONENT program)
  install(DIRECTORY ${CITER_PREFIX_LIBDIR}/ DESTINATION ${citer_runtime} USE_SOURCE_PERMISSIONS
    COMPONENT program
    FILES_MATCHING PATTERN "*.so*"
    PATTERN "gconv" EXCLUDE PATTERN "engines-3" EXCLUDE PATTERN "llama" EXCLUDE)
else()
  install(TARGETS citer RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT program)
endif()

install(TARGETS citer_library EXPORT citer ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  COMPONENT library)
install(DIRECTORY include/citer DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT library)
install(EXPORT citer NAMESPACE citer:: FILE citerTargets.cmake DESTINATION ${citer_config_dir}
  COMPONENT library)
configure_package_config_file(cmake/citerConfig.cmake.in installed/citerConfig.cmake
  INSTALL_DESTINATION ${citer_config_dir} PATH_VARS citer_model_dir citer_runtime)
write_basic_package_version_file(${CMAKE_BINARY_DIR}/installed/citerConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_BINARY_DIR}/installed/citerConfig.cmake
  ${CMAKE_BINARY_DIR}/installed/citerConfigVersion.cmake DESTINATION ${citer_config_dir}
  COMPONENT library)
