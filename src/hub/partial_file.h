#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string_view>

#include "citer/progress.h"

namespace citer {

/// A file that a download grows, locked against other processes and threads while it lives.
class PartialFile {
 public:
  /// Opens or creates it. While somebody else holds it, waits; nothing when the watcher ends that.
  /// Throws InputError when it cannot be created.
  static std::optional<PartialFile> open(const std::filesystem::path& path, const Watcher& watcher);

  std::uint64_t size() const { return size_; }
  /// Throws ResourceError when the disk is full.
  void append(std::string_view bytes);
  /// Throws ResourceError.
  void clear();
  /// Puts what was written on the disk, under its own name. Throws ResourceError.
  void become(const std::filesystem::path& path);
  void remove();

 private:
  struct Descriptor;
  PartialFile(std::filesystem::path path, std::shared_ptr<Descriptor> file, std::uint64_t size);
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  std::shared_ptr<Descriptor> file_;
  std::uint64_t size_;
};

}  // namespace citer
