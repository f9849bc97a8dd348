#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace citer::test {

/// The plainest way to run a model on the CPU with libllama alone: a reference for tests that
/// shares nothing with src/model. Throws InputError when the model cannot be loaded.
class LlamaRunner {
 public:
  explicit LlamaRunner(const std::filesystem::path& path, int n_ctx = 256, int n_threads = 1);

  [[nodiscard]] int n_vocab() const;
  [[nodiscard]] std::vector<llama_token> tokenize(std::string_view text,
                                                  bool add_special = true) const;
  [[nodiscard]] std::string text(const std::vector<llama_token>& tokens) const;
  /// Logits after every token, from one batch: [tokens.size()][n_vocab].
  std::vector<std::vector<float>> logits(const std::vector<llama_token>& tokens);
  /// Logits after the last token, from a pass for each token. [n_vocab]
  std::vector<float> logits_one_by_one(const std::vector<llama_token>& tokens);
  /// The `n` most likely next tokens, one pass each after the prompt's. End tokens do not end it.
  std::vector<llama_token> greedy(const std::vector<llama_token>& prompt, int n);

 private:
  struct FreeModel {
    void operator()(llama_model* model) const { llama_model_free(model); }
  };
  struct FreeContext {
    void operator()(llama_context* context) const { llama_free(context); }
  };

  /// Evaluates tokens at the end of the sequence; all rows give logits.
  void decode(const std::vector<llama_token>& tokens, int first_position);
  [[nodiscard]] std::vector<float> row(int index) const;

  std::unique_ptr<llama_model, FreeModel> model_;
  std::unique_ptr<llama_context, FreeContext> context_;
};

}  // namespace citer::test
