#include "vocab.h"

#include <algorithm>
#include <array>

#include "base/file.h"
#include "citer/error.h"

namespace citer::demo {
namespace {

constexpr std::array<std::string_view, Vocabulary::kSpecials> kSpecialNames = {
    "<|begin|>", "<|end|>", "<|pad|>"};

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_newline(char c) { return c == '\n' || c == '\r'; }
bool is_space(char c) { return c == ' ' || c == '\t' || is_newline(c); }
bool is_other(char c) { return !is_letter(c) && !is_digit(c) && !is_space(c); }

/// End of [^\r\n\p{L}\p{N}]?\p{L}+ at `at`, or `at` if it does not match.
std::size_t match_word(std::string_view text, std::size_t at) {
  std::size_t end = at;
  if (!is_letter(text[end])) {
    if (is_digit(text[end]) || is_newline(text[end])) return at;
    ++end;
  }
  const std::size_t first = end;
  while (end < text.size() && is_letter(text[end])) ++end;
  return end == first ? at : end;
}

/// End of " ?[^\s\p{L}\p{N}]+[\r\n]*" at `at`, or `at`.
std::size_t match_other(std::string_view text, std::size_t at) {
  std::size_t end = at + (text[at] == ' ' ? 1 : 0);
  const std::size_t first = end;
  while (end < text.size() && is_other(text[end])) ++end;
  if (end == first) return at;
  while (end < text.size() && is_newline(text[end])) ++end;
  return end;
}

/// End of "\s*[\r\n]+|\s+(?!\S)|\s+" at `at`.
std::size_t match_space(std::string_view text, std::size_t at) {
  std::size_t end = at;
  std::size_t after_newline = at;
  for (; end < text.size() && is_space(text[end]); ++end) {
    if (is_newline(text[end])) after_newline = end + 1;
  }
  if (after_newline > at) return after_newline;
  return end < text.size() && end - at > 1 ? end - 1 : end;
}

std::string utf8(int code) {
  if (code < 0x80) return {static_cast<char>(code)};
  return {static_cast<char>(0xC0 | (code >> 6)), static_cast<char>(0x80 | (code & 0x3F))};
}

/// GPT-2's byte alphabet (openai/gpt-2 src/encoder.py, bytes_to_unicode): printable bytes stand
/// for themselves, the others for code points from 256 up.
const std::array<std::string, 256>& byte_alphabet() {
  static const std::array<std::string, 256> kAlphabet = [] {
    std::array<std::string, 256> all;
    int next = 256;
    for (int b = 0; b < 256; ++b) {
      const bool printable = (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || b >= 0xAE;
      all[static_cast<std::size_t>(b)] = utf8(printable ? b : next++);
    }
    return all;
  }();
  return kAlphabet;
}

}  // namespace

std::vector<std::string_view> pre_tokenize(std::string_view text) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t end = match_word(text, at);
    if (end == at && is_digit(text[at])) end = at + 1;
    if (end == at) end = match_other(text, at);
    if (end == at) end = match_space(text, at);
    parts.push_back(text.substr(at, end - at));
    at = end;
  }
  return parts;
}

std::string to_printable(std::string_view bytes) {
  std::string out;
  for (char c : bytes) out += byte_alphabet()[static_cast<unsigned char>(c)];
  return out;
}

bool from_printable(std::string_view printable, std::string& bytes) {
  static const std::unordered_map<std::string_view, char> kBack = [] {
    std::unordered_map<std::string_view, char> back;
    for (int b = 0; b < 256; ++b) {
      back[byte_alphabet()[static_cast<std::size_t>(b)]] = static_cast<char>(b);
    }
    return back;
  }();
  bytes.clear();
  for (std::size_t at = 0; at < printable.size();) {
    const std::size_t length = (printable[at] & 0x80) != 0 ? 2 : 1;
    const auto found = kBack.find(printable.substr(at, length));
    if (found == kBack.end()) return false;
    bytes += found->second;
    at += length;
  }
  return true;
}

Vocabulary::Vocabulary(std::vector<std::string> lines) : lines_(std::move(lines)) {
  bytes_.resize(lines_.size());
  for (std::size_t id = 0; id < lines_.size(); ++id) {
    const std::string at = "line " + std::to_string(id + 1) + ": '" + lines_[id] + "'";
    if (id < kSpecials) {
      if (lines_[id] != kSpecialNames[id])
        throw InputError(at + " is not the special token expected");
      continue;
    }
    if (!from_printable(lines_[id], bytes_[id]))
      throw InputError(at + " is not in GPT-2's alphabet");
    if (id < kFirstWord && bytes_[id] != std::string(1, static_cast<char>(id - kSpecials))) {
      throw InputError(at + " is not byte " + std::to_string(id - kSpecials));
    }
    if (!words_.emplace(bytes_[id], static_cast<int>(id)).second) {
      throw InputError(at + " occurs twice");
    }
  }
  if (lines_.size() < kFirstWord) throw InputError("fewer tokens than the specials and bytes");
}

Vocabulary Vocabulary::load(const std::string& path) {
  std::vector<std::string> lines;
  for_each_line(path, [&](std::string_view line, int) { lines.emplace_back(line); });
  try {
    return Vocabulary(std::move(lines));
  } catch (const InputError& e) {
    throw InputError(path + ": " + e.what());
  }
}

Vocabulary Vocabulary::from_words(std::vector<std::string> words) {
  std::sort(words.begin(), words.end());
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::vector<std::string> lines(kSpecialNames.begin(), kSpecialNames.end());
  for (const std::string& letter : byte_alphabet()) lines.push_back(letter);
  for (const std::string& word : words) {
    if (word.size() > 1) lines.push_back(to_printable(word));
  }
  return Vocabulary(std::move(lines));
}

void Vocabulary::save(const std::string& path) const {
  std::string text;
  for (const std::string& line : lines_) text += line + "\n";
  write_file(path, text);
}

std::vector<PlacedToken> Vocabulary::encode(std::string_view text) const {
  std::vector<PlacedToken> out;
  std::size_t at = 0;
  for (std::string_view part : pre_tokenize(text)) {
    const auto found = words_.find(std::string(part));
    if (found != words_.end()) {
      out.push_back({found->second, at});
    } else {
      for (std::size_t i = 0; i < part.size(); ++i) {
        out.push_back({kSpecials + static_cast<unsigned char>(part[i]), at + i});
      }
    }
    at += part.size();
  }
  return out;
}

std::string Vocabulary::decode(const std::vector<int>& ids) const {
  std::string out;
  for (int id : ids) out += bytes(id);
  return out;
}

}  // namespace citer::demo
