#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace citer {

/// The hash that a hub's object id states of a file: of 64 hexadecimal digits SHA-256 of its bytes,
/// of 40 git's id of a blob (SHA-1 of "blob SIZE\0" and its bytes). `on_bytes` is told now and then
/// how many were read; false ends it and gives "". Throws InputError when the file cannot be read.
std::string checksum_like(const std::string& oid, const std::filesystem::path& path,
                          const std::function<bool(std::uint64_t bytes)>& on_bytes);

/// Whether this is an object id: 40 or 64 hexadecimal digits.
bool is_object_id(const std::string& text);

}  // namespace citer
