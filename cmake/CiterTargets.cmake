# citer_room(NAME [DEPENDS rooms] [LINKS libraries]): the static library of src/NAME.
# citer_library(ROOMS): the library of these rooms, citer::citer, as one archive.
# citer_program(NAME SOURCES files [LINKS libraries]): an executable.

function(citer_compile_options target)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor
    $<$<BOOL:${CITER_WERROR}>:-Werror>)
  # g++ 12 sees overlaps in "text" + std::string that are not there (GCC bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 14)
    target_compile_options(${target} PRIVATE -Wno-restrict)
  endif()
  if(CITER_SANITIZE)
    # -g1: reports name functions and lines; what debuggers want beside that costs a quarter of the build.
    # -O0 under UBSan, whose checks take twice as long to optimise as to compile, and longer than to run.
    # A fuzzer runs for long.
    if(CITER_SANITIZE MATCHES undefined AND NOT CITER_FUZZ)
      set(optimisation -O0)
    else()
      set(optimisation -O1)
    endif()
    target_compile_options(${target} PRIVATE -fsanitize=${CITER_SANITIZE} -fno-omit-frame-pointer
      ${optimisation} -g1)
    target_link_options(${target} PUBLIC -fsanitize=${CITER_SANITIZE})
    # Under sanitizers g++ sees uninitialised parts in std::regex that are not there (GCC bug 105562).
    if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
    endif()
  endif()
  if(CITER_COVERAGE)
    target_compile_options(${target} PRIVATE --coverage)
    target_link_options(${target} PUBLIC --coverage)
  endif()
endfunction()

function(citer_room name)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINKS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(citer_${name} STATIC ${sources})
  target_include_directories(citer_${name} PUBLIC ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPENDS PREPEND citer_)
  target_link_libraries(citer_${name} PUBLIC ${ARG_DEPENDS} ${ARG_LINKS})
  citer_compile_options(citer_${name})
endfunction()

function(citer_library)
  set(objects ${ARGN})
  list(TRANSFORM objects REPLACE "(.+)" "$<TARGET_OBJECTS:citer_\\1>")
  add_library(citer_library STATIC ${objects})
  add_library(citer::citer ALIAS citer_library)
  set_target_properties(citer_library PROPERTIES OUTPUT_NAME citer EXPORT_NAME citer LINKER_LANGUAGE CXX)
  target_compile_features(citer_library INTERFACE cxx_std_20)
  target_include_directories(citer_library INTERFACE
    $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  # What the archive needs; citerConfig.cmake finds it for who links the installed one.
  target_link_libraries(citer_library INTERFACE
    fmt::fmt Threads::Threads ${CMAKE_DL_LIBS}
    $<BUILD_INTERFACE:PkgConfig::RE2> $<BUILD_INTERFACE:llama> $<BUILD_INTERFACE:ggml::ggml>
    $<INSTALL_INTERFACE:PkgConfig::CITER_RE2> $<INSTALL_INTERFACE:citer::llama>)
  citer_compile_options(citer_library)
endfunction()

function(citer_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  citer_compile_options(${name})
  if(CITER_PREFIX_LOADER)
    # See CiterLlama.cmake.
    target_link_options(${name} PRIVATE -Wl,--dynamic-linker,${CITER_PREFIX_LOADER}
      ${CITER_PREFIX_LINK_OPTIONS})
    set_target_properties(${name} PROPERTIES BUILD_RPATH ${CITER_PREFIX_LIBDIR})
  endif()
endfunction()
