#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "llama.h"

namespace citer::test {

/// A GBNF grammar as libllama's sampler runs it, over the bundled pair's vocabulary.
class GrammarCheck {
 public:
  /// Throws std::runtime_error when libllama refuses the grammar.
  explicit GrammarCheck(const std::string& grammar);

  /// Whether a model could write exactly this text and end there.
  bool accepts(std::string_view text) const;

 private:
  struct Free {
    void operator()(llama_sampler* sampler) const { llama_sampler_free(sampler); }
  };
  bool takes(llama_token token) const;

  std::unique_ptr<llama_sampler, Free> sampler_;
};

}  // namespace citer::test
