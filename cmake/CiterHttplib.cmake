# cpp_httplib: cpp-httplib's header and shared library, from where libllama came (CiterLlama.cmake) or
# the system. The header must see what the library was compiled with: TLS by OpenSSL.
find_path(CITER_HTTPLIB_INCLUDE httplib.h HINTS ${CITER_LLAMA_PREFIX}/usr/include REQUIRED)
find_library(CITER_HTTPLIB cpp-httplib HINTS ${LLAMA_LIB_DIR} REQUIRED)
find_package(OpenSSL REQUIRED)

add_library(cpp_httplib INTERFACE)
target_include_directories(cpp_httplib SYSTEM INTERFACE ${CITER_HTTPLIB_INCLUDE})
target_compile_definitions(cpp_httplib INTERFACE CPPHTTPLIB_OPENSSL_SUPPORT)
target_link_libraries(cpp_httplib INTERFACE ${CITER_HTTPLIB} OpenSSL::SSL OpenSSL::Crypto)
