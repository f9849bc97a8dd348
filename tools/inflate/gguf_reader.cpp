#include "inflate/gguf_reader.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer::inflate {

namespace fs = std::filesystem;

void SourceTensor::row(std::int64_t index, float* out) const {
  const std::size_t row_bytes = ggml_row_size(type_, n_in_);
  const std::uint8_t* bytes = bytes_.data() + row_bytes * index;
  if (type_ == GGML_TYPE_F32) {
    std::memcpy(out, bytes, row_bytes);
  } else {
    ggml_get_type_traits(type_)->to_float(bytes, out, n_in_);
  }
}

GgufReader::GgufReader(fs::path path) : path_(std::move(path)) {
  if (fs::is_directory(path_)) fail("is a directory");
  file_.reset(std::fopen(path_.c_str(), "rb"));
  if (!file_) fail(fmt::format("cannot read: {}", std::strerror(errno)));
  check_magic();
  gguf_.reset(gguf_init_from_file(path_.c_str(), {/*no_alloc=*/true, /*ctx=*/nullptr}));
  if (!gguf_) fail("a damaged GGUF file: its header cannot be read");
  check_length();
}

void GgufReader::fail(const std::string& message) const {
  throw InputError(fmt::format("{}: {}", path_.string(), message));
}

void GgufReader::check_magic() const {
  char magic[4] = {};
  if (std::fread(magic, 1, sizeof magic, file_.get()) != sizeof magic ||
      std::memcmp(magic, GGUF_MAGIC, sizeof magic) != 0) {
    fail("not a GGUF file");
  }
}

void GgufReader::check_length() const {
  const std::uintmax_t length = fs::file_size(path_);
  for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf_.get()); ++i) {
    const std::uintmax_t end = gguf_get_data_offset(gguf_.get()) +
                               gguf_get_tensor_offset(gguf_.get(), i) +
                               gguf_get_tensor_size(gguf_.get(), i);
    if (end > length) {
      fail(fmt::format("truncated: tensor '{}' ends at byte {}, the file has {}",
                       gguf_get_tensor_name(gguf_.get(), i), end, length));
    }
  }
}

bool GgufReader::has_key(const char* name) const { return gguf_find_key(gguf_.get(), name) >= 0; }

std::int64_t GgufReader::key(const char* name, gguf_type type) const {
  const std::int64_t index = gguf_find_key(gguf_.get(), name);
  if (index < 0) fail(fmt::format("key '{}' is missing", name));
  const gguf_type found = gguf_get_kv_type(gguf_.get(), index);
  if (found != type) {
    fail(fmt::format("key '{}' is of type {}, expected {}", name, gguf_type_name(found),
                     gguf_type_name(type)));
  }
  return index;
}

std::string GgufReader::string(const char* name) const {
  return gguf_get_val_str(gguf_.get(), key(name, GGUF_TYPE_STRING));
}

std::uint32_t GgufReader::u32(const char* name) const {
  return gguf_get_val_u32(gguf_.get(), key(name, GGUF_TYPE_UINT32));
}

std::uint32_t GgufReader::u32(const char* name, std::uint32_t otherwise) const {
  return has_key(name) ? u32(name) : otherwise;
}

float GgufReader::f32(const char* name) const {
  return gguf_get_val_f32(gguf_.get(), key(name, GGUF_TYPE_FLOAT32));
}

float GgufReader::f32(const char* name, float otherwise) const {
  return has_key(name) ? f32(name) : otherwise;
}

std::int64_t GgufReader::array(const char* name, gguf_type type, std::int64_t n) const {
  const std::int64_t index = key(name, GGUF_TYPE_ARRAY);
  const gguf_type found = gguf_get_arr_type(gguf_.get(), index);
  const auto length = static_cast<std::int64_t>(gguf_get_arr_n(gguf_.get(), index));
  if (found != type || length != n) {
    fail(fmt::format("key '{}' has {} values of type {}, expected {} of type {}", name, length,
                     gguf_type_name(found), n, gguf_type_name(type)));
  }
  return index;
}

bool GgufReader::has_tensor(const std::string& name) const {
  return gguf_find_tensor(gguf_.get(), name.c_str()) >= 0;
}

std::int64_t GgufReader::tensor_index(const std::string& name) const {
  const std::int64_t index = gguf_find_tensor(gguf_.get(), name.c_str());
  if (index < 0) fail(fmt::format("tensor '{}' is missing", name));
  return index;
}

ggml_type GgufReader::tensor_type(const std::string& name) const {
  return gguf_get_tensor_type(gguf_.get(), tensor_index(name));
}

std::pair<std::int64_t, std::int64_t> GgufReader::tensor_size(const std::string& name) const {
  const std::int64_t* ne = gguf_get_tensor_ne(gguf_.get(), tensor_index(name));
  return {ne[0], ne[1] * ne[2] * ne[3]};
}

SourceTensor GgufReader::tensor(const std::string& name) const {
  const std::int64_t index = tensor_index(name);
  const ggml_type type = gguf_get_tensor_type(gguf_.get(), index);
  if (type != GGML_TYPE_F32 && ggml_get_type_traits(type)->to_float == nullptr) {
    fail(fmt::format("tensor '{}' is of type {}, which ggml cannot turn into floats", name,
                     ggml_type_name(type)));
  }
  std::vector<std::uint8_t> bytes(gguf_get_tensor_size(gguf_.get(), index));
  const std::size_t offset =
      gguf_get_data_offset(gguf_.get()) + gguf_get_tensor_offset(gguf_.get(), index);
  if (::fseeko(file_.get(), static_cast<off_t>(offset), SEEK_SET) != 0 ||
      std::fread(bytes.data(), 1, bytes.size(), file_.get()) != bytes.size()) {
    fail(fmt::format("cannot read tensor '{}'", name));
  }
  return {type, tensor_size(name).first, std::move(bytes)};
}

}  // namespace citer::inflate
