#include "model/fingerprint.h"

#include <algorithm>
#include <bit>
#include <cstdio>

#include <fmt/format.h>

#include "base/file.h"
#include "base/rng.h"
#include "citer/error.h"

namespace citer {

std::uint64_t file_fingerprint(const std::filesystem::path& path) {
  constexpr std::uint64_t kHead = 1 << 20;
  constexpr std::uint64_t kStretch = 64 << 10;
  constexpr std::uint64_t kStretches = 16;

  std::error_code error;
  const std::uint64_t size = std::filesystem::file_size(path, error);
  const FilePtr file(error ? nullptr : std::fopen(path.c_str(), "rb"));
  if (!file) throw InputError(fmt::format("{}: cannot be opened for reading", path.string()));

  std::uint64_t hash = mix64(size);
  std::string bytes;
  const auto add = [&](std::uint64_t offset, std::uint64_t length) {
    bytes.resize(length);
    std::fseek(file.get(), static_cast<long>(offset), SEEK_SET);
    bytes.resize(std::fread(bytes.data(), 1, length, file.get()));
    hash = mix64(hash + hash64(bytes));
  };
  add(0, std::min(size, kHead));
  if (size > kHead) {
    for (std::uint64_t i = 1; i <= kStretches; ++i) {
      const std::uint64_t end = kHead + (size - kHead) * i / kStretches;
      add(end - std::min(end, kStretch), std::min(end, kStretch));
    }
  }
  return hash;
}

std::uint64_t model_fingerprint(const ModelOptions& options) {
  std::uint64_t fingerprint = file_fingerprint(options.path);
  for (const LoraAdapter& adapter : options.lora) {
    fingerprint = random_at(fingerprint, file_fingerprint(adapter.path),
                            std::bit_cast<std::uint32_t>(adapter.scale));
  }
  return fingerprint;
}

std::string fingerprint_text(std::uint64_t fingerprint) {
  return fmt::format("{:016x}", fingerprint);
}

}  // namespace citer
