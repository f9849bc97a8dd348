#include "base/file.h"

#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

FilePtr open_file(const fs::path& path, const char* mode) {
  if (fs::is_directory(path)) throw InputError(fmt::format("{}: is a directory", path.string()));
  FilePtr file(std::fopen(path.c_str(), mode));
  if (!file) {
    throw InputError(fmt::format("{}: cannot {}: {}", path.string(),
                                 *mode == 'r' ? "read" : "write", std::strerror(errno)));
  }
  return file;
}

[[noreturn]] void write_failed(const fs::path& path) {
  throw ResourceError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
}

}  // namespace

std::string read_file(const fs::path& path) {
  const FilePtr file = open_file(path, "rb");
  std::string bytes;
  char buffer[1 << 16];
  while (const std::size_t n = std::fread(buffer, 1, sizeof buffer, file.get())) {
    bytes.append(buffer, n);
  }
  if (std::ferror(file.get()) != 0) {
    throw InputError(fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
  }
  return bytes;
}

void for_each_line(const fs::path& path,
                   const std::function<void(std::string_view text, int number)>& line) {
  const std::string bytes = read_file(path);
  std::string_view rest = bytes;
  for (int number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    std::string_view text = rest.substr(0, end);
    rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    if (text.ends_with('\r')) text.remove_suffix(1);
    line(text, number);
  }
}

void create_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot create: {}", path.string(), error.message()));
  }
}

void write_file(const fs::path& path, std::string_view bytes) {
  replace_file(path, [&](const fs::path& temporary) {
    const FilePtr file = open_file(temporary, "wb");
    if (std::fwrite(bytes.data(), 1, bytes.size(), file.get()) != bytes.size() ||
        std::fflush(file.get()) != 0) {
      write_failed(path);
    }
  });
}

void replace_file(const fs::path& path, const std::function<void(const fs::path&)>& write) {
  static std::atomic<int> files = 0;  // threads may replace the same file at once
  fs::path temporary = path;
  temporary += fmt::format(".tmp{}-{}", ::getpid(), ++files);
  std::error_code error;
  try {
    write(temporary);
    fs::rename(temporary, path, error);
    if (error) {
      throw InputError(fmt::format("{}: cannot replace: {}", path.string(), error.message()));
    }
  } catch (...) {
    fs::remove(temporary, error);
    throw;
  }
}

LineWriter::LineWriter(fs::path path, Mode mode)
    : path_(std::move(path)), file_(open_file(path_, mode == Mode::kTruncate ? "wb" : "ab")) {}

void LineWriter::append(std::string_view line) {
  if (std::fwrite(line.data(), 1, line.size(), file_.get()) != line.size() ||
      std::fputc('\n', file_.get()) == EOF || std::fflush(file_.get()) != 0) {
    write_failed(path_);
  }
}

}  // namespace citer
