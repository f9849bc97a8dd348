# Finds libllama and ggml: the system's packages, or the private prefix that ./dev setup makes.
#
# The prefix holds a newer libc than the host may have. Programs linked to it therefore start with
# the prefix's dynamic loader and find its libraries by rpath; the host's libc is left alone.

set(CITER_LLAMA_PREFIX ${CMAKE_SOURCE_DIR}/build/prefix CACHE PATH
    "Private prefix with libllama and ggml, used where the system has none")

find_package(llama 0.7 QUIET)
if(NOT llama_FOUND AND EXISTS ${CITER_LLAMA_PREFIX}/usr)
  list(PREPEND CMAKE_PREFIX_PATH ${CITER_LLAMA_PREFIX}/usr)
  find_package(llama 0.7 QUIET CONFIG)
endif()
if(NOT llama_FOUND)
  message(FATAL_ERROR
    "libllama >= 0.7 and ggml >= 0.27 were found neither on the system nor in ${CITER_LLAMA_PREFIX}. "
    "Run ./dev setup (Debian and derivatives), or install them (Debian 14: libllama-dev libggml-dev "
    "libminja-dev; Homebrew: llama.cpp; or your own build) and set CMAKE_PREFIX_PATH.")
endif()
message(STATUS "llama.cpp ${llama_VERSION}: ${llama_DIR}")

string(FIND "${llama_DIR}" "${CITER_LLAMA_PREFIX}/" prefix_at)
if(prefix_at EQUAL 0)
  set(CITER_PREFIX_LIBDIR ${LLAMA_LIB_DIR})
  file(GLOB CITER_PREFIX_LOADER ${LLAMA_LIB_DIR}/ld-linux*.so.*)
  include_directories(SYSTEM ${CITER_LLAMA_PREFIX}/usr/include)
  # The rpath does not reach the needs of libllama itself, so what is named is linked whether a program uses
  # it or not.
  set(CITER_PREFIX_LINK_OPTIONS -Wl,--disable-new-dtags -Wl,--allow-shlib-undefined -Wl,--no-as-needed)
endif()

# Where ggml's CPU, RPC and Vulkan backends lie, and the same as seen from its library; ggml's own default
# is the system's folder.
file(GLOB CITER_BACKEND_DIR ${LLAMA_LIB_DIR}/ggml/backends*)
if(CITER_BACKEND_DIR)
  file(RELATIVE_PATH CITER_BACKENDS_IN_LIBDIR ${LLAMA_LIB_DIR} ${CITER_BACKEND_DIR})
endif()
