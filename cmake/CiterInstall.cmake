# Two components: `program`, with the bundled pair and what both need to run, and `library`.
include(CMakePackageConfigHelpers)

set(home ${CMAKE_INSTALL_LIBDIR}/citer)
set(citer_runtime ${home}/runtime)
set(citer_model_dir ${CMAKE_INSTALL_DATADIR}/citer)
set(citer_config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/citer)
set(citer_pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

install(DIRECTORY models/demo/ DESTINATION ${citer_model_dir} COMPONENT program
  FILES_MATCHING PATTERN "*.gguf" PATTERN "data/*.jsonl" PATTERN "recipe" EXCLUDE)

install(CODE "set(built_citer $<TARGET_FILE:citer>)" COMPONENT program)
configure_file(cmake/manual.cmake.in installed/manual.cmake @ONLY)
install(SCRIPT ${CMAKE_BINARY_DIR}/installed/manual.cmake COMPONENT program)

if(CITER_PREFIX_LOADER)
  # Built against the private prefix: the libraries go along, libc among them, and a script starts the
  # program with their loader.
  get_filename_component(citer_loader ${CITER_PREFIX_LOADER} NAME)
  string(REGEX REPLACE "[^/]+" ".." root_from_bin ${CMAKE_INSTALL_BINDIR})
  configure_file(cmake/citer.sh.in installed/citer @ONLY)
  install(PROGRAMS ${CMAKE_BINARY_DIR}/installed/citer DESTINATION ${CMAKE_INSTALL_BINDIR}
    COMPONENT program)
  install(TARGETS citer RUNTIME DESTINATION ${home} COMPONENT program)
  configure_file(cmake/runtime.cmake.in installed/runtime.cmake @ONLY)
  install(SCRIPT ${CMAKE_BINARY_DIR}/installed/runtime.cmake COMPONENT program)
  # By the names that programs ask for, libllama.so.0 and the like: those alone are installed.
  file(GLOB citer_llama_libraries RELATIVE ${CITER_PREFIX_LIBDIR} ${CITER_PREFIX_LIBDIR}/libllama.so.?
    ${CITER_PREFIX_LIBDIR}/libggml.so.? ${CITER_PREFIX_LIBDIR}/libggml-base.so.?)
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

# The same for pkg-config.
string(REGEX REPLACE "[^/]+" ".." root_from_pkgconfig ${citer_pkgconfig_dir})
set(pc_requires "fmt re2")
set(pc_llama "")
if(CITER_PREFIX_LOADER)
  set(runtime "\${prefix}/${citer_runtime}")
  list(TRANSFORM citer_llama_libraries PREPEND "-l:" OUTPUT_VARIABLE pc_llama)
  list(PREPEND pc_llama ${CITER_PREFIX_LINK_OPTIONS} -L${runtime} -Wl,-rpath,${runtime}
    -Wl,--dynamic-linker,${runtime}/${citer_loader})
  list(JOIN pc_llama " " pc_llama)
else()
  string(APPEND pc_requires " llama ggml")
endif()
configure_file(cmake/citer.pc.in installed/citer.pc @ONLY)
install(FILES ${CMAKE_BINARY_DIR}/installed/citer.pc DESTINATION ${citer_pkgconfig_dir}
  COMPONENT library)

# Debian packages: citer, and libciter-dev with the library.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME citer)
set(CPACK_PACKAGE_CONTACT "citer's maintainers <citer@localhost>")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL program library)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_NAME citer)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PROGRAM_PACKAGE_SUGGESTS "bubblewrap, python3")
if(NOT CITER_PREFIX_LOADER)
  set(CPACK_DEBIAN_PROGRAM_PACKAGE_SHLIBDEPS ON)
endif()
set(CPACK_DEBIAN_LIBRARY_PACKAGE_NAME libciter-dev)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBRARY_PACKAGE_DEPENDS "citer (= ${PROJECT_VERSION}), libfmt-dev, libre2-dev, pkg-config")
include(CPack)
