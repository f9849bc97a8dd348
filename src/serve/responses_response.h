#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "serve/response_writer.h"

namespace citer {

/// A response of OpenAI's responses API: one answer, as items of reasoning, text and calls.
class ResponsesWriter final : public ResponseWriter {
 public:
  ResponsesWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens);

  std::string whole(const std::vector<Answer>& answers) override;
  std::string begin(std::size_t index) override;
  std::string grow(std::size_t index, const Growth& growth) override;
  std::string end(std::size_t index, const Answer& answer) override;
  std::string close(const std::vector<Answer>& answers) override;
  std::string fail(const ApiError& error) override;

 private:
  enum class Item { kNone, kReasoning, kMessage };

  Json response(const char* status) const;
  Json finished(const std::vector<Answer>& answers) const;
  std::string event(const char* type, Json data);
  std::string add_text(Item kind, const std::string& text);
  std::string open(Item kind);
  std::string close_item();
  std::string call_events(const ToolCall& call);
  Json place() const;

  std::string id_;
  AnswerReader reader_;
  Json output_ = Json::array();  ///< items that are done
  Item item_ = Item::kNone;      ///< the one under way
  std::string item_id_;
  std::string text_;  ///< of the item under way
  Json logprobs_ = Json::array();
  std::int64_t events_ = 0;
};

}  // namespace citer
