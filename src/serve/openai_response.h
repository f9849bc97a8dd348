#pragma once

#include <string>
#include <vector>

#include "serve/response_writer.h"

namespace citer {

/// Chat completions, and plain ones, as OpenAI's API has them.
class CompletionWriter final : public ResponseWriter {
 public:
  CompletionWriter(const Vocab& vocab, ResponseFormat format, int prompt_tokens);

  std::string whole(const std::vector<Answer>& answers) override;
  std::string begin(std::size_t index) override;
  std::string grow(std::size_t index, const Growth& growth) override;
  std::string end(std::size_t index, const Answer& answer) override;
  /// The usage, if it was asked for.
  std::string close(const std::vector<Answer>& answers) override;
  std::string fail(const ApiError& error) override;

 private:
  bool is_chat() const { return format().api == ApiKind::kChat; }
  Json head(bool is_chunk) const;
  Json choice_logprobs(const std::vector<TokenRecord>& tokens, std::size_t& offset) const;
  Json whole_choice(std::size_t index, const Answer& answer) const;
  Json chunk_of(std::size_t index, Json delta, Json logprobs, Json finish) const;
  Json usage_json(const std::vector<Answer>& answers) const;
  AnswerReader& reader(std::size_t index);
  Timings& timings(std::size_t index);

  std::string id_;
  std::vector<std::size_t> offsets_;   ///< per answer: characters that were streamed
  std::vector<AnswerReader> readers_;  ///< per answer
  std::vector<Timings> timings_;       ///< per answer, of what was streamed
};

}  // namespace citer
