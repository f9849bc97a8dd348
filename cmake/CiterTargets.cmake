# citer_room(NAME [DEPENDS rooms] [LINKS libraries]): the static library of src/NAME.
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
    if(CITER_SANITIZE MATCHES undefined)
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

function(citer_program name)
  cmake_parse_arguments(ARG "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_LINKS})
  citer_compile_options(${name})
  if(CITER_PREFIX_LOADER)
    # See CiterLlama.cmake. The rpath does not reach the needs of libllama itself, so what is named is
    # linked whether the program uses it or not.
    target_link_options(${name} PRIVATE -Wl,--dynamic-linker,${CITER_PREFIX_LOADER}
      -Wl,--disable-new-dtags -Wl,--allow-shlib-undefined -Wl,--no-as-needed)
    set_target_properties(${name} PROPERTIES BUILD_RPATH ${CITER_PREFIX_LIBDIR})
  endif()
endfunction()
