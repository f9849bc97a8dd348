#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "citer/model_options.h"

namespace citer {

/// Tells model files apart without reading all of them: a hash over the file's size, its first MiB
/// (metadata and vocabulary) and 16 stretches of 64 KiB spread evenly over the rest. Two
/// quantisations of one model differ. Throws InputError when the file cannot be read.
std::uint64_t file_fingerprint(const std::filesystem::path& path);

/// The file's fingerprint, and another one for each choice of LoRA adapters and their scales.
std::uint64_t model_fingerprint(const ModelOptions& options);

/// 16 hexadecimal digits.
std::string fingerprint_text(std::uint64_t fingerprint);

}  // namespace citer
