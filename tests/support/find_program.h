#pragma once

#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <sstream>
#include <string>

#include <unistd.h>

namespace citer::test {

/// The first of these programs that is in PATH, or an empty path.
inline std::filesystem::path find_program(std::initializer_list<const char*> names) {
  const char* path = std::getenv("PATH");
  std::istringstream folders(path == nullptr ? "" : path);
  for (std::string folder; std::getline(folders, folder, ':');) {
    for (const char* name : names) {
      std::filesystem::path program = std::filesystem::path(folder) / name;
      if (access(program.c_str(), X_OK) == 0) return program;
    }
  }
  return {};
}

inline std::filesystem::path find_chromium() {
  return find_program({"chromium", "chromium-browser", "google-chrome"});
}

}  // namespace citer::test
