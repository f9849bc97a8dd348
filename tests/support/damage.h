#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/rng.h"
#include "citer/error.h"

namespace citer::test {

/// Lets `read` open copies of a file in which one to four random bytes are changed, most of them in
/// its first `header` bytes. It may succeed, or throw InputError or ResourceError.
template <typename Read>
void expect_reads_or_refuses_damaged(const std::filesystem::path& path, std::size_t header,
                                     int copies, Read read) {
  const std::string whole = read_file(path);
  const std::filesystem::path damaged = path.parent_path() / "damaged.gguf";
  Rng rng(17);
  for (int copy = 0; copy < copies; ++copy) {
    std::string bytes = whole;
    const std::size_t part = copy % 4 == 0 ? bytes.size() : std::min(header, bytes.size());
    for (std::int64_t flips = rng.uniform(1, 4); flips > 0; --flips) {
      const auto at = static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(part) - 1));
      bytes[at] = static_cast<char>(bytes[at] ^ rng.uniform(1, 255));
    }
    write_file(damaged, bytes);
    try {
      read(damaged);
    } catch (const InputError&) {
    } catch (const ResourceError&) {
    } catch (const std::exception& e) {
      ADD_FAILURE() << "copy " << copy << ": an exception of another kind: " << e.what();
    }
  }
}

}  // namespace citer::test
