#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace citer {

/// What a GGUF file says of itself, without loading its weights.
struct GgufSummary {
  std::string architecture;  ///< general.architecture, "" if absent
  std::string name;          ///< general.name, "" if absent
  std::int64_t tensors = 0;
  std::int64_t parameters = 0;  ///< sum of the tensors' elements
  std::uint64_t file_bytes = 0;
  /// Tensor types with their number of tensors, most frequent first.
  std::vector<std::pair<std::string, int>> types;
  /// Metadata as text; long arrays are cut short and say how many entries they have.
  std::vector<std::pair<std::string, std::string>> metadata;

  /// An integer of the metadata; 0: there is none of that name.
  std::int64_t number(const std::string& key) const;
};

/// Throws InputError unless the file is there and starts as a GGUF does.
void check_magic(const std::filesystem::path& path);

/// Reads a GGUF file's header. Throws InputError: no such file, not a GGUF (says what it starts
/// with), header damaged, or shorter than its tensors need.
GgufSummary read_gguf_summary(const std::filesystem::path& path);

/// Bytes of a model's file, or of all of them where it is in parts; `summary` is of the first.
std::uint64_t model_file_bytes(const std::string& path, const GgufSummary& summary);

}  // namespace citer
