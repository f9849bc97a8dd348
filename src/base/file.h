#pragma once

#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace citer {

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using FilePtr = std::unique_ptr<std::FILE, CloseFile>;

/// Whole file as bytes. Throws InputError naming the path when it cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Calls `line(text, number)` for each line of a text file; numbers start at 1, the newline (and a
/// carriage return before it) is cut off. Throws InputError when the file cannot be read.
void for_each_line(const std::filesystem::path& path,
                   const std::function<void(std::string_view text, int number)>& line);

/// Creates a folder and those above it, where they are missing. Throws InputError naming it.
void create_folder(const std::filesystem::path& path);

/// Replaces `path` by `bytes` in one step: writes a temporary file beside it, then renames it, so
/// that a reader sees the old file or the new one. Throws InputError (cannot create) or
/// ResourceError (disk full).
void write_file(const std::filesystem::path& path, std::string_view bytes);

/// Lets `write(temporary)` produce a file, then renames it to `path`; removes it when that throws.
void replace_file(const std::filesystem::path& path,
                  const std::function<void(const std::filesystem::path& temporary)>& write);

/// Text file that grows line by line; each line is on its way to the disk when append() returns.
class LineWriter {
 public:
  enum class Mode { kTruncate, kAppend };
  /// Throws InputError when the file cannot be opened for writing.
  explicit LineWriter(std::filesystem::path path, Mode mode = Mode::kTruncate);
  /// Writes `line` and a newline. Throws ResourceError when the disk is full.
  void append(std::string_view line);

 private:
  std::filesystem::path path_;
  FilePtr file_;
};

}  // namespace citer
