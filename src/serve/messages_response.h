#pragma once

#include <string>
#include <vector>

#include "serve/response_writer.h"

namespace citer {

/// A message of Anthropic's API: one answer, as blocks of thinking, text and uses of tools.
class MessagesWriter final : public ResponseWriter {
 public:
  MessagesWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens);

  std::string whole(const std::vector<Answer>& answers) override;
  std::string begin(std::size_t index) override;
  std::string grow(std::size_t index, const Growth& growth) override;
  std::string end(std::size_t index, const Answer& answer) override;
  std::string close(const std::vector<Answer>& answers) override;
  std::string fail(const ApiError& error) override;

 private:
  enum class Block { kNone, kThinking, kText };

  Json message() const;
  Json usage_json(const std::vector<Answer>& answers) const;
  std::string add_text(Block kind, const std::string& text);
  std::string open(Json block);
  std::string delta(Json delta) const;
  std::string close_block();

  std::string id_;
  AnswerReader reader_;
  Block block_ = Block::kNone;  ///< the one under way
  int blocks_ = 0;              ///< that were begun
  bool has_calls_ = false;
};

}  // namespace citer
