#include "support/grammar_check.h"

#include <cmath>
#include <stdexcept>

namespace citer::test {

namespace {

struct FreeModel {
  void operator()(llama_model* model) const { llama_model_free(model); }
};

const llama_vocab* bundled_vocab() {
  static const std::unique_ptr<llama_model, FreeModel> model = [] {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    llama_model_params params = llama_model_default_params();
    params.vocab_only = true;
    return std::unique_ptr<llama_model, FreeModel>(
        llama_model_load_from_file(CITER_DEMO_DIR "/slm.gguf", params));
  }();
  if (!model) throw std::runtime_error("the bundled SLM cannot be loaded");
  return llama_model_get_vocab(model.get());
}

}  // namespace

GrammarCheck::GrammarCheck(const std::string& grammar)
    : sampler_(llama_sampler_init_grammar(bundled_vocab(), grammar.c_str(), "root")) {
  if (!sampler_) throw std::runtime_error("libllama refuses the grammar:\n" + grammar);
}

bool GrammarCheck::takes(llama_token token) const {
  llama_token_data data{token, 0.0F, 0.0F};
  llama_token_data_array candidates{&data, 1, -1, false};
  llama_sampler_apply(sampler_.get(), &candidates);
  return !std::isinf(data.logit);
}

bool GrammarCheck::accepts(std::string_view text) const {
  const llama_vocab* vocab = bundled_vocab();
  std::vector<llama_token> tokens(text.size() + 1);
  const int n = llama_tokenize(vocab, text.data(), static_cast<int>(text.size()), tokens.data(),
                               static_cast<int>(tokens.size()), /*add_special=*/false,
                               /*parse_special=*/false);
  tokens.resize(static_cast<std::size_t>(n));
  llama_sampler_reset(sampler_.get());
  for (const llama_token token : tokens) {
    if (!takes(token)) return false;
    llama_sampler_accept(sampler_.get(), token);
  }
  return takes(llama_vocab_eos(vocab));
}

}  // namespace citer::test
