#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "citer/types.h"

namespace citer {

/// Turns tokens into text that may be shown: holds back what could still become a stop string or is
/// half a character, and cuts the text before the first stop string.
class TextStream {
 public:
  explicit TextStream(std::vector<std::string> stop_strings);

  /// Appends a token's bytes. Nothing may be pushed after stopped().
  void push(std::string_view piece, Writer writer);

  /// No more tokens will come: what was held back may be shown.
  void finish() { finished_ = true; }

  /// Whether a stop string has appeared.
  bool stopped() const { return stopped_; }

  /// The text so far, without the stop string and what follows it.
  const std::string& text() const { return text_; }

  /// What became showable since the last call, by writer.
  std::vector<TextPiece> take();

 private:
  std::size_t showable() const;

  std::vector<std::string> stop_strings_;
  std::string text_;
  std::vector<std::pair<std::size_t, Writer>> ends_;  ///< per token: where its bytes end in text_
  std::size_t shown_ = 0;
  std::size_t next_end_ = 0;
  bool stopped_ = false;
  bool finished_ = false;
};

}  // namespace citer
