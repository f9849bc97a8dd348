#include "hub/checksum.h"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "base/file.h"
#include "citer/error.h"

namespace citer {

namespace {

constexpr std::size_t kGitDigits = 40;
constexpr std::size_t kSha256Digits = 64;
constexpr std::size_t kBlock = std::size_t{1} << 20;

/// A hash that grows.
class Digest {
 public:
  explicit Digest(const EVP_MD* algorithm) : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    EVP_DigestInit_ex(context_.get(), algorithm, nullptr);
  }
  void add(const char* bytes, std::size_t n) { EVP_DigestUpdate(context_.get(), bytes, n); }
  std::string hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> bytes{};
    unsigned int n = 0;
    EVP_DigestFinal_ex(context_.get(), bytes.data(), &n);
    std::string text;
    for (unsigned int i = 0; i < n; ++i) text += fmt::format("{:02x}", bytes.at(i));
    return text;
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

std::string checksum_like(const std::string& oid, const std::filesystem::path& path,
                          const std::function<bool(std::uint64_t)>& on_bytes) {
  const FilePtr file(std::fopen(path.c_str(), "rb"));
  if (!file) {
    throw InputError(fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
  }
  const bool is_git = oid.size() == kGitDigits;
  Digest digest(is_git ? EVP_sha1() : EVP_sha256());
  if (is_git) {
    const std::string head = fmt::format("blob {}", std::filesystem::file_size(path));
    digest.add(head.c_str(), head.size() + 1);
  }
  std::vector<char> block(kBlock);
  std::uint64_t read = 0;
  while (const std::size_t n = std::fread(block.data(), 1, block.size(), file.get())) {
    digest.add(block.data(), n);
    read += n;
    if (!on_bytes(read)) return "";
  }
  if (std::ferror(file.get()) != 0) {
    throw InputError(fmt::format("{}: cannot read: {}", path.string(), std::strerror(errno)));
  }
  return digest.hex();
}

bool is_object_id(const std::string& text) {
  return (text.size() == kGitDigits || text.size() == kSha256Digits) &&
         std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return std::isxdigit(c) != 0; });
}

}  // namespace citer
