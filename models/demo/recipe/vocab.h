#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace citer::demo {

/// Splits ASCII text as llama.cpp's "llama-bpe" pre-tokenizer does, except that digits come one
/// by one (no piece has two, so its merges never join them). Source: llama.cpp src/llama-vocab.cpp,
/// LLAMA_VOCAB_PRE_TYPE_LLAMA3. Concatenated, the parts are the text.
std::vector<std::string_view> pre_tokenize(std::string_view text);

/// One token of an encoded text and the byte where it starts.
struct PlacedToken {
  int id = 0;
  std::size_t at = 0;
};

/// The pair's vocabulary: three special tokens, 256 bytes, then whole words. It lives in a file
/// of its own (one token a line, bytes written in GPT-2's printable alphabet; the line number is
/// the id), so that a change of the generator never moves an id.
class Vocabulary {
 public:
  static constexpr int kBegin = 0;
  static constexpr int kEnd = 1;
  static constexpr int kPad = 2;
  static constexpr int kSpecials = 3;
  static constexpr int kFirstWord = kSpecials + 256;

  /// Reads a file; throws citer::InputError naming the file and line if it is not a vocabulary.
  static Vocabulary load(const std::string& path);
  /// From words (each two or more bytes), which are sorted and made unique.
  static Vocabulary from_words(std::vector<std::string> words);
  void save(const std::string& path) const;

  int size() const { return static_cast<int>(lines_.size()); }
  /// The token as the GGUF stores it: GPT-2's alphabet, or a special token's name.
  const std::string& stored(int id) const { return lines_.at(static_cast<std::size_t>(id)); }
  /// The bytes a token stands for; empty for special tokens.
  const std::string& bytes(int id) const { return bytes_.at(static_cast<std::size_t>(id)); }

  /// Ids of a text. Words that are no token become bytes, as llama.cpp has it without merges.
  std::vector<PlacedToken> encode(std::string_view text) const;
  std::string decode(const std::vector<int>& ids) const;

 private:
  explicit Vocabulary(std::vector<std::string> lines);

  std::vector<std::string> lines_;
  std::vector<std::string> bytes_;
  std::unordered_map<std::string, int> words_;
};

/// Every word that the generator can write: the vocabulary's source.
std::vector<std::string> generator_words();

/// GPT-2's printable spelling of bytes, and back. `from_printable` returns false for text
/// outside that alphabet.
std::string to_printable(std::string_view bytes);
bool from_printable(std::string_view printable, std::string& bytes);

}  // namespace citer::demo
