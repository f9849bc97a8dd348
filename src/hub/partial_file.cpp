#include "hub/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

constexpr mode_t kMode = 0644;
constexpr std::chrono::milliseconds kGlance{50};

/// Whether the open file is still the one of that name: who held the lock may have renamed it.
bool is_at(int descriptor, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::fstat(descriptor, &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
         opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

}  // namespace

/// Closing it gives up the lock.
struct PartialFile::Descriptor {
  explicit Descriptor(const fs::path& path)
      : number(::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, kMode)) {
    if (number >= 0) return;
    throw InputError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
  }
  ~Descriptor() { ::close(number); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int number;
};

PartialFile::PartialFile(fs::path path, std::shared_ptr<Descriptor> file, std::uint64_t size)
    : path_(std::move(path)), file_(std::move(file)), size_(size) {}

std::optional<PartialFile> PartialFile::open(const fs::path& path, const Watcher& watcher) {
  create_folder(path.parent_path());
  bool waiting = false;
  while (!watcher.wants_stop()) {
    auto file = std::make_shared<Descriptor>(path);
    if (::flock(file->number, LOCK_EX | LOCK_NB) == 0) {
      if (is_at(file->number, path)) return PartialFile(path, std::move(file), fs::file_size(path));
      continue;
    }
    if (errno != EWOULDBLOCK) {
      throw InputError(fmt::format("{}: cannot lock: {}", path.string(), std::strerror(errno)));
    }
    if (!waiting) watcher.note(fmt::format("{}: waiting for who else fetches it", path.string()));
    waiting = true;
    std::this_thread::sleep_for(kGlance);
  }
  return std::nullopt;
}

void PartialFile::fail() const {
  throw ResourceError(fmt::format("{}: cannot write: {}", path_.string(), std::strerror(errno)));
}

void PartialFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(file_->number, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail();
    size_ += static_cast<std::uint64_t>(n);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

void PartialFile::clear() {
  if (::ftruncate(file_->number, 0) != 0) fail();
  size_ = 0;
}

void PartialFile::become(const fs::path& path) {
  if (::fsync(file_->number) != 0) fail();
  std::error_code error;
  fs::rename(path_, path, error);
  if (error) {
    throw ResourceError(
        fmt::format("{}: cannot rename to {}: {}", path_.string(), path.string(), error.message()));
  }
}

void PartialFile::remove() {
  std::error_code ignored;
  fs::remove(path_, ignored);
}

}  // namespace citer
