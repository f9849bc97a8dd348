# Toolchain for arm64 on a Debian of another architecture (`./dev arm64`): all but the compiler lies in a prefix of its own, and what
# is built runs under qemu's user-mode emulation.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64)

set(CITER_LLAMA_PREFIX ${CMAKE_CURRENT_LIST_DIR}/../build/prefix-arm64)
cmake_path(NORMAL_PATH CITER_LLAMA_PREFIX)
set(CMAKE_CXX_STANDARD_INCLUDE_DIRECTORIES ${CITER_LLAMA_PREFIX}/usr/include/aarch64-linux-gnu)
set(CMAKE_FIND_ROOT_PATH ${CITER_LLAMA_PREFIX})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
foreach(kind LIBRARY INCLUDE PACKAGE)
  set(CMAKE_FIND_ROOT_PATH_MODE_${kind} ONLY)
endforeach()
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${CITER_LLAMA_PREFIX})
set(ENV{PKG_CONFIG_LIBDIR} ${CITER_LLAMA_PREFIX}/usr/lib/aarch64-linux-gnu/pkgconfig)
