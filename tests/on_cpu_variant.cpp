// on-cpu-variant LIBRARY PROGRAM ARGUMENTS: runs a program with the one CPU backend of ggml that
// lies in LIBRARY's folder. Exit status 77, "skipped", where this machine cannot run it.
#include <dlfcn.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: on-cpu-variant LIBRARY PROGRAM ARGUMENTS\n", stderr);
    return 2;
  }
  const std::filesystem::path library = argv[1];
  void* backend = dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (backend == nullptr) {
    std::fprintf(stderr, "on-cpu-variant: %s\n", dlerror());
    return 1;
  }
  // How ggml itself chooses: 0 says that an instruction is missing.
  const auto score = reinterpret_cast<int (*)()>(dlsym(backend, "ggml_backend_score"));
  if (score == nullptr || score() == 0) {
    std::printf("skipped: this machine cannot run %s\n", library.filename().c_str());
    return 77;
  }
  setenv("CITER_BACKEND_DIR", library.parent_path().c_str(), 1);
  execv(argv[2], argv + 2);
  std::perror(argv[2]);
  return 1;
}
