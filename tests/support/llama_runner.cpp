#include "support/llama_runner.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include <fmt/format.h>

#include "citer/error.h"
#include "ggml-backend.h"

namespace citer::test {

namespace {

/// Loads ggml's backends once and silences libllama's log, errors included: tests judge results.
void initialise() {
  static const bool done = [] {
    llama_log_set([](ggml_log_level, const char*, void*) {}, nullptr);
    const char* named = std::getenv("CITER_BACKEND_DIR");  // the one that src/model loads, too
    const std::string folder = named != nullptr ? named : CITER_BACKEND_DIR;
    if (folder.empty()) {
      ggml_backend_load_all();
    } else {
      ggml_backend_load_all_from_path(folder.c_str());
    }
    return true;
  }();
  (void)done;
}

}  // namespace

LlamaRunner::LlamaRunner(const std::filesystem::path& path, int n_ctx, int n_threads) {
  initialise();
  llama_model_params model_params = llama_model_default_params();
  model_params.n_gpu_layers = 0;
  model_.reset(llama_model_load_from_file(path.c_str(), model_params));
  if (!model_) throw InputError(fmt::format("{}: libllama cannot load it", path.string()));
  llama_context_params params = llama_context_default_params();
  params.n_ctx = n_ctx;
  params.n_batch = n_ctx;
  params.n_ubatch = n_ctx;
  params.n_threads = n_threads;
  params.n_threads_batch = n_threads;
  // For comparisons to many digits: ggml's flash attention on the CPU gives half as many.
  params.flash_attn_type = LLAMA_FLASH_ATTN_TYPE_DISABLED;
  params.type_k = GGML_TYPE_F32;
  params.type_v = GGML_TYPE_F32;
  context_.reset(llama_init_from_model(model_.get(), params));
  if (!context_) throw InputError(fmt::format("{}: libllama makes no context", path.string()));
}

int LlamaRunner::n_vocab() const {
  return llama_vocab_n_tokens(llama_model_get_vocab(model_.get()));
}

std::vector<llama_token> LlamaRunner::tokenize(std::string_view text, bool add_special) const {
  std::vector<llama_token> tokens(text.size() + 2);
  const int n = llama_tokenize(llama_model_get_vocab(model_.get()), text.data(),
                               static_cast<int>(text.size()), tokens.data(),
                               static_cast<int>(tokens.size()), add_special,
                               /*parse_special=*/false);
  tokens.resize(std::max(n, 0));
  return tokens;
}

std::string LlamaRunner::text(const std::vector<llama_token>& tokens) const {
  std::string out;
  char piece[256];
  for (const llama_token token : tokens) {
    const int n = llama_token_to_piece(llama_model_get_vocab(model_.get()), token, piece,
                                       sizeof piece, /*lstrip=*/0, /*special=*/true);
    out.append(piece, std::max(n, 0));
  }
  return out;
}

void LlamaRunner::decode(const std::vector<llama_token>& tokens, int first_position) {
  const int n = static_cast<int>(tokens.size());
  llama_batch batch = llama_batch_init(n, /*embd=*/0, /*n_seq_max=*/1);
  batch.n_tokens = n;
  for (int i = 0; i < n; ++i) {
    batch.token[i] = tokens[i];
    batch.pos[i] = first_position + i;
    batch.n_seq_id[i] = 1;
    batch.seq_id[i][0] = 0;
    batch.logits[i] = 1;
  }
  const int status = llama_decode(context_.get(), batch);
  llama_batch_free(batch);
  if (status != 0) throw ResourceError(fmt::format("llama_decode: status {}", status));
}

std::vector<float> LlamaRunner::row(int index) const {
  const float* logits = llama_get_logits_ith(context_.get(), index);
  return {logits, logits + n_vocab()};
}

std::vector<std::vector<float>> LlamaRunner::logits(const std::vector<llama_token>& tokens) {
  llama_memory_clear(llama_get_memory(context_.get()), /*data=*/true);
  decode(tokens, 0);
  std::vector<std::vector<float>> rows;
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) rows.push_back(row(i));
  return rows;
}

std::vector<float> LlamaRunner::logits_one_by_one(const std::vector<llama_token>& tokens) {
  llama_memory_clear(llama_get_memory(context_.get()), /*data=*/true);
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) decode({tokens[i]}, i);
  return row(0);
}

std::vector<llama_token> LlamaRunner::greedy(const std::vector<llama_token>& prompt, int n) {
  llama_memory_clear(llama_get_memory(context_.get()), /*data=*/true);
  std::vector<llama_token> out;
  std::vector<llama_token> next = prompt;
  int position = 0;
  while (static_cast<int>(out.size()) < n) {
    decode(next, position);
    position += static_cast<int>(next.size());
    const std::vector<float> last = row(static_cast<int>(next.size()) - 1);
    const auto best = std::max_element(last.begin(), last.end());
    out.push_back(static_cast<llama_token>(best - last.begin()));
    next = {out.back()};
  }
  return out;
}

}  // namespace citer::test
