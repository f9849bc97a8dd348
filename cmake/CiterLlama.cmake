# Finds libllama and ggml: the system's packages, or the private prefix that ./dev setup makes.
#
# The prefix holds a newer libc than the host may have. Programs linked to it therefore start with
# the prefix's dynamic loader and find its libraries by rpath; the host's libc is left alone.

set(CITER_LLAMA_PREFIX ${CMAKE_SOURCE_DIR}/build/prefix CACHE PATH
    "Private prefix with libllama and ggml, used where the system has none")

find_package(llama 0.7 QUIET)
if(llama_FOUND)
  message(STATUS "llama.cpp ${llama_VERSION}: ${llama_DIR}")
else()
  file(GLOB prefix_libdir ${CITER_LLAMA_PREFIX}/usr/lib/*-linux-gnu*)
  if(NOT EXISTS ${prefix_libdir}/cmake/llama/llama-config.cmake)
    message(FATAL_ERROR
      "libllama >= 0.7 and ggml >= 0.27 were found neither on the system nor in ${CITER_LLAMA_PREFIX}. "
      "Run ./dev setup (Debian and derivatives), or install them (Debian 14: libllama-dev libggml-dev "
      "libminja-dev; Homebrew: llama.cpp; or your own build) and set CMAKE_PREFIX_PATH.")
  endif()
  list(PREPEND CMAKE_PREFIX_PATH ${CITER_LLAMA_PREFIX}/usr)
  find_package(llama 0.7 REQUIRED CONFIG)
  message(STATUS "llama.cpp ${llama_VERSION}: private prefix ${CITER_LLAMA_PREFIX}")
  set(CITER_PREFIX_LIBDIR ${prefix_libdir})
  file(GLOB CITER_PREFIX_LOADER ${prefix_libdir}/ld-linux*.so.*)
  include_directories(SYSTEM ${CITER_LLAMA_PREFIX}/usr/include)
endif()

# Where ggml's CPU, RPC and Vulkan backends lie; ggml's own default is the system's folder.
file(GLOB CITER_BACKEND_DIR ${LLAMA_LIB_DIR}/ggml/backends*)
