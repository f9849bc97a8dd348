#include "checkpoint.h"

#include <array>
#include <cstring>
#include <fstream>

#include "base/file.h"
#include "citer/error.h"

namespace citer::demo {
namespace {

struct Header {
  std::array<char, 8> magic{'C', 'D', 'E', 'M', 'O', 'C', 'K', '1'};
  std::int32_t vocab = 0;
  std::int32_t embed = 0;
  std::int32_t layers = 0;
  std::int32_t heads = 0;
  std::int32_t ff = 0;
  std::int32_t context = 0;
  std::uint64_t seed = 0;
  std::int64_t step = 0;
  std::uint64_t document = 0;
};

Header header_of(const Checkpoint& c) {
  Header header;
  header.vocab = c.shape.vocab;
  header.embed = c.shape.embed;
  header.layers = c.shape.layers;
  header.heads = c.shape.heads;
  header.ff = c.shape.ff;
  header.context = c.shape.context;
  header.seed = c.seed;
  header.step = c.step;
  header.document = c.document;
  return header;
}

void write_floats(std::ofstream& out, const std::vector<float>& values) {
  out.write(reinterpret_cast<const char*>(values.data()),
            static_cast<std::streamsize>(values.size() * sizeof(float)));
}

void read_floats(std::ifstream& in, std::vector<float>& values, std::size_t count) {
  values.resize(count);
  in.read(reinterpret_cast<char*>(values.data()),
          static_cast<std::streamsize>(count * sizeof(float)));
}

}  // namespace

void save_checkpoint(const std::string& path, const Checkpoint& checkpoint) {
  replace_file(path, [&](const std::filesystem::path& temporary) {
    std::ofstream out(temporary, std::ios::binary);
    const Header header = header_of(checkpoint);
    out.write(reinterpret_cast<const char*>(&header), sizeof header);
    for (const auto* part : {&checkpoint.weights, &checkpoint.first, &checkpoint.second}) {
      write_floats(out, *part);
    }
    out.close();
    if (!out) throw ResourceError(temporary.string() + ": cannot be written");
  });
}

Checkpoint load_checkpoint(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  Header header;
  in.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!in || header.magic != Header{}.magic) throw InputError(path + ": not a checkpoint");
  Checkpoint out;
  out.shape.vocab = header.vocab;
  out.shape.embed = header.embed;
  out.shape.layers = header.layers;
  out.shape.heads = header.heads;
  out.shape.ff = header.ff;
  out.shape.context = header.context;
  out.seed = header.seed;
  out.step = header.step;
  out.document = header.document;
  const std::size_t size = Layout(out.shape).size();
  for (auto* part : {&out.weights, &out.first, &out.second}) read_floats(in, *part, size);
  if (!in || in.peek() != std::ifstream::traits_type::eof()) {
    throw InputError(path + ": checkpoint is not of the length that its header tells");
  }
  return out;
}

}  // namespace citer::demo
