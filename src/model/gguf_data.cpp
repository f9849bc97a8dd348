#include "model/gguf_data.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"
#include "model/gguf_file.h"

namespace citer {

namespace fs = std::filesystem;

GgufReader::GgufReader(const fs::path& path, const std::string& architecture) : path_(path) {
  const GgufSummary summary = read_gguf_summary(path);
  if (summary.architecture != architecture) {
    fail(fmt::format("expected general.architecture '{}', found '{}'", architecture,
                     summary.architecture));
  }
  ggml_context* tensors = nullptr;
  gguf_.reset(gguf_init_from_file(path.c_str(), {.no_alloc = true, .ctx = &tensors}));
  tensors_.reset(tensors);
  if (!gguf_) fail("damaged or truncated: its tensors cannot be read");
  map();
}

/// Lets the tensors lie in the file.
void GgufReader::map() {
  const std::size_t size = fs::file_size(path_);
  const int fd = open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  void* base = fd < 0 ? MAP_FAILED : mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
  if (fd >= 0) close(fd);
  if (base == MAP_FAILED) fail("cannot be mapped into memory");
  file_ = std::shared_ptr<const void>(base, [size](void* mapped) { munmap(mapped, size); });
  const std::size_t data = gguf_get_data_offset(gguf_.get());
  const std::size_t alignment = gguf_get_alignment(gguf_.get());
  for (std::int64_t i = 0; i < gguf_get_n_tensors(gguf_.get()); ++i) {
    ggml_tensor* tensor = ggml_get_tensor(tensors_.get(), gguf_get_tensor_name(gguf_.get(), i));
    const std::size_t begin = data + gguf_get_tensor_offset(gguf_.get(), i);
    // Padding included: a file without its last bytes is not the one that was written.
    const std::size_t bytes =
        tensor == nullptr ? size + 1 : GGML_PAD(ggml_nbytes(tensor), alignment);
    if (begin > size || bytes > size - begin) {
      fail("damaged or truncated: its tensors cannot be read");
    }
    tensor->data = static_cast<std::uint8_t*>(base) + begin;
  }
}

void GgufReader::fail(const std::string& what) const {
  throw InputError(fmt::format("{}: {}", path_.string(), what));
}

bool GgufReader::has(const std::string& key) const {
  return gguf_find_key(gguf_.get(), key.c_str()) >= 0;
}

std::int64_t GgufReader::key_of(const std::string& key, gguf_type type,
                                const char* expected) const {
  const std::int64_t id = gguf_find_key(gguf_.get(), key.c_str());
  if (id < 0) fail(fmt::format("metadata '{}' is missing", key));
  const gguf_type found = gguf_get_kv_type(gguf_.get(), id);
  if (found != type) {
    fail(fmt::format("metadata '{}': expected {}, found {}", key, expected, gguf_type_name(found)));
  }
  return id;
}

std::int64_t GgufReader::array_of(const std::string& key, gguf_type type,
                                  const char* expected) const {
  const std::int64_t id = key_of(key, GGUF_TYPE_ARRAY, expected);
  if (gguf_get_arr_type(gguf_.get(), id) != type) {
    fail(fmt::format("metadata '{}': expected {}", key, expected));
  }
  return id;
}

std::string GgufReader::text(const std::string& key) const {
  return gguf_get_val_str(gguf_.get(), key_of(key, GGUF_TYPE_STRING, "a string"));
}

std::int64_t GgufReader::integer(const std::string& key) const {
  return gguf_get_val_i64(gguf_.get(), key_of(key, GGUF_TYPE_INT64, "an int64"));
}

std::uint64_t GgufReader::hash(const std::string& key) const {
  return gguf_get_val_u64(gguf_.get(), key_of(key, GGUF_TYPE_UINT64, "a uint64"));
}

double GgufReader::number(const std::string& key) const {
  return gguf_get_val_f64(gguf_.get(), key_of(key, GGUF_TYPE_FLOAT64, "a float64"));
}

std::vector<std::string> GgufReader::texts(const std::string& key) const {
  const std::int64_t id = array_of(key, GGUF_TYPE_STRING, "an array of strings");
  std::vector<std::string> values;
  for (std::size_t i = 0; i < gguf_get_arr_n(gguf_.get(), id); ++i) {
    values.emplace_back(gguf_get_arr_str(gguf_.get(), id, i));
  }
  return values;
}

std::vector<double> GgufReader::numbers(const std::string& key) const {
  const std::int64_t id = array_of(key, GGUF_TYPE_FLOAT64, "an array of float64");
  const auto* data = static_cast<const double*>(gguf_get_arr_data(gguf_.get(), id));
  return {data, data + gguf_get_arr_n(gguf_.get(), id)};
}

bool GgufReader::has_tensor(const std::string& name) const {
  return ggml_get_tensor(tensors_.get(), name.c_str()) != nullptr;
}

const ggml_tensor& GgufReader::tensor(const std::string& name) const {
  const ggml_tensor* tensor = ggml_get_tensor(tensors_.get(), name.c_str());
  if (tensor == nullptr) fail(fmt::format("tensor '{}' is missing", name));
  return *tensor;
}

std::pair<std::int64_t, std::int64_t> GgufReader::shape(const std::string& name) const {
  const ggml_tensor& t = tensor(name);
  return {t.ne[0], t.ne[1]};
}

std::vector<float> GgufReader::floats(const std::string& name) const {
  const ggml_tensor& t = tensor(name);
  const std::int64_t n = ggml_nelements(&t);
  std::vector<float> values(static_cast<std::size_t>(n));
  if (t.type == GGML_TYPE_F32) {
    std::memcpy(values.data(), t.data, values.size() * sizeof(float));
  } else if (const auto* traits = ggml_get_type_traits(t.type); traits->to_float != nullptr) {
    traits->to_float(t.data, values.data(), n);
  } else {
    fail(fmt::format("tensor '{}': expected floating-point values, found {}", name,
                     ggml_type_name(t.type)));
  }
  return values;
}

std::vector<std::int32_t> GgufReader::integers(const std::string& name) const {
  const ggml_tensor& t = tensor(name);
  if (t.type != GGML_TYPE_I32) {
    fail(fmt::format("tensor '{}': expected i32, found {}", name, ggml_type_name(t.type)));
  }
  const auto* data = static_cast<const std::int32_t*>(t.data);
  return {data, data + ggml_nelements(&t)};
}

std::span<const std::uint16_t> GgufReader::halves(const std::string& name) const {
  const ggml_tensor& t = tensor(name);
  if (t.type != GGML_TYPE_F16) {
    fail(fmt::format("tensor '{}': expected f16, found {}", name, ggml_type_name(t.type)));
  }
  return {static_cast<const std::uint16_t*>(t.data), static_cast<std::size_t>(ggml_nelements(&t))};
}

std::span<const std::uint8_t> GgufReader::bytes(const std::string& name) const {
  const ggml_tensor& t = tensor(name);
  if (t.type != GGML_TYPE_I8) {
    fail(fmt::format("tensor '{}': expected i8, found {}", name, ggml_type_name(t.type)));
  }
  return {static_cast<const std::uint8_t*>(t.data), static_cast<std::size_t>(ggml_nelements(&t))};
}

GgufWriter::GgufWriter(const std::string& architecture) : gguf_(gguf_init_empty()) {
  set("general.architecture", architecture);
}

void GgufWriter::set(const std::string& key, const std::string& value) {
  gguf_set_val_str(gguf_.get(), key.c_str(), value.c_str());
}
void GgufWriter::set(const std::string& key, std::int64_t value) {
  gguf_set_val_i64(gguf_.get(), key.c_str(), value);
}
void GgufWriter::set(const std::string& key, double value) {
  gguf_set_val_f64(gguf_.get(), key.c_str(), value);
}
void GgufWriter::set_hash(const std::string& key, std::uint64_t value) {
  gguf_set_val_u64(gguf_.get(), key.c_str(), value);
}

void GgufWriter::set(const std::string& key, const std::vector<std::string>& values) {
  std::vector<const char*> pointers;
  pointers.reserve(values.size());
  for (const std::string& value : values) pointers.push_back(value.c_str());
  gguf_set_arr_str(gguf_.get(), key.c_str(), pointers.data(), pointers.size());
}

void GgufWriter::set(const std::string& key, const std::vector<double>& values) {
  gguf_set_arr_data(gguf_.get(), key.c_str(), GGUF_TYPE_FLOAT64, values.data(), values.size());
}

void GgufWriter::add(const std::string& name, ggml_type type, std::int64_t n_in,
                     std::span<const float> values) {
  const std::int64_t rows = n_in == 0 ? 0 : static_cast<std::int64_t>(values.size()) / n_in;
  std::vector<std::uint8_t> bytes(ggml_row_size(type, n_in) * static_cast<std::size_t>(rows));
  if (rows > 0) ggml_quantize_chunk(type, values.data(), bytes.data(), 0, rows, n_in, nullptr);
  add_bytes(name, type, n_in, rows, std::move(bytes));
}

void GgufWriter::add(const std::string& name, std::span<const std::int32_t> values) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(values.data());
  add_bytes(name, GGML_TYPE_I32, static_cast<std::int64_t>(values.size()), 1,
            {bytes, bytes + values.size_bytes()});
}

void GgufWriter::add(const std::string& name, std::span<const std::uint8_t> bytes) {
  add_tensor(name, GGML_TYPE_I8, static_cast<std::int64_t>(bytes.size()), 1, {bytes});
}

void GgufWriter::add(const std::string& name, std::int64_t n_in, Pieces halves) {
  std::size_t bytes = 0;
  for (const auto& piece : halves) bytes += piece.size();
  const auto row = static_cast<std::int64_t>(ggml_row_size(GGML_TYPE_F16, n_in));
  add_tensor(name, GGML_TYPE_F16, n_in, static_cast<std::int64_t>(bytes) / row, std::move(halves));
}

void GgufWriter::add_bytes(const std::string& name, ggml_type type, std::int64_t n_in,
                           std::int64_t rows, std::vector<std::uint8_t> bytes) {
  data_.push_back(std::move(bytes));
  add_tensor(name, type, n_in, rows, {data_.back()});
}

void GgufWriter::add_tensor(const std::string& name, ggml_type type, std::int64_t n_in,
                            std::int64_t rows, Pieces pieces) {
  contexts_.emplace_back(
      ggml_init({.mem_size = ggml_tensor_overhead(), .mem_buffer = nullptr, .no_alloc = true}));
  ggml_tensor* tensor = ggml_new_tensor_2d(contexts_.back().get(), type, n_in, rows);
  ggml_set_name(tensor, name.c_str());
  pieces_.push_back(std::move(pieces));
  gguf_add_tensor(gguf_.get(), tensor);
}

/// The metadata, and behind it the tensors, each aligned; whether all of it was written.
bool GgufWriter::write(std::ostream& file) const {
  const auto put = [&](const void* bytes, std::size_t size) {
    file.write(static_cast<const char*>(bytes), static_cast<std::streamsize>(size));
  };
  std::vector<std::uint8_t> metadata(gguf_get_meta_size(gguf_.get()));
  gguf_get_meta_data(gguf_.get(), metadata.data());
  put(metadata.data(), metadata.size());
  const std::size_t alignment = gguf_get_alignment(gguf_.get());
  for (const Pieces& pieces : pieces_) {
    std::size_t size = 0;
    for (const auto& piece : pieces) {
      put(piece.data(), piece.size());
      size += piece.size();
    }
    const std::string padding((alignment - size % alignment) % alignment, '\0');
    put(padding.data(), padding.size());
  }
  file.flush();
  return !file.fail();
}

void GgufWriter::save(const fs::path& path) const {
  replace_file(path, [&](const fs::path& temporary) {
    std::ofstream file(temporary, std::ios::binary);
    if (!write(file)) {
      throw ResourceError(fmt::format("{}: cannot write: {}", path.string(), std::strerror(errno)));
    }
  });
}

}  // namespace citer
