#include "decode/text_stream.h"

#include <algorithm>

#include "base/utf8.h"

namespace citer {

TextStream::TextStream(std::vector<std::string> stop_strings)
    : stop_strings_(std::move(stop_strings)) {
  std::erase(stop_strings_, "");
}

void TextStream::push(std::string_view piece, Writer writer) {
  const std::size_t before = text_.size();
  text_ += piece;
  std::size_t cut = std::string::npos;
  for (const std::string& stop : stop_strings_) {
    // A stop string that ends in this piece starts at most its length before the piece.
    const std::size_t from = before > stop.size() ? before - stop.size() : 0;
    cut = std::min(cut, text_.find(stop, from));
  }
  if (cut != std::string::npos) {
    text_.resize(cut);
    stopped_ = true;
  }
  ends_.emplace_back(text_.size(), writer);
}

std::size_t TextStream::showable() const {
  if (finished_ || stopped_) return text_.size();
  std::size_t held = 0;
  for (const std::string& stop : stop_strings_) {
    for (std::size_t n = std::min(stop.size() - 1, text_.size()); n > held; --n) {
      if (text_.ends_with(std::string_view(stop).substr(0, n))) held = n;
    }
  }
  return complete_utf8_length(std::string_view(text_).substr(0, text_.size() - held));
}

std::vector<TextPiece> TextStream::take() {
  std::vector<TextPiece> pieces;
  const std::size_t end = showable();
  while (shown_ < end && next_end_ < ends_.size()) {
    const auto [token_end, writer] = ends_[next_end_];
    // A character that spans tokens goes with the token that completes it.
    const std::size_t to =
        std::min(end, complete_utf8_length(std::string_view(text_).substr(0, token_end)));
    if (to > shown_) pieces.push_back({text_.substr(shown_, to - shown_), writer});
    shown_ = std::max(shown_, to);
    if (token_end > end) break;
    ++next_end_;
  }
  if (finished_ && shown_ < text_.size() && !ends_.empty()) {  // half a character at the very end
    pieces.push_back({text_.substr(shown_), ends_.back().second});
    shown_ = text_.size();
  }
  return pieces;
}

}  // namespace citer
