#pragma once

#include <memory>
#include <string>

#include "citer/pair.h"
#include "citer/row_stats.h"
#include "citer/service.h"
#include "model/passes.h"

namespace citer {

/// What a server tells of the LLM that it runs.
struct LlmServerFacts {
  ModelFacts model{};           ///< its path is the server's address; 0: not told
  int n_vocab = 0;              ///< tokens of its vocabulary, padding included
  int context_size = 0;         ///< tokens that a sequence may hold there
  std::string chat_template{};  ///< Jinja source; "": none
  /// Whether it draws tokens by any SamplingOptions. Else they are drawn here, of the likeliest.
  bool draws = false;
  int likeliest = static_cast<int>(kLikeliest);  ///< tokens of a row that it lists at most
  /// It takes and gives text alone: no rows, and of its tokens the text.
  bool writes_text = false;
  std::string note{};  ///< what a user should know; "": nothing
};

/// An LLM that another program runs. Any thread may use it; a Context is one thread's.
class LlmServer {
 public:
  virtual ~LlmServer() = default;

  /// Shakes hands. Throws InputError naming the address: it cannot be reached or used, or its
  /// vocabulary is not the SLM's.
  virtual LlmServerFacts open(const Vocab& slm) = 0;
  /// Sequences over the LLM. After open(); the vocabulary and this must outlive it.
  virtual std::unique_ptr<Context> context(const Vocab& slm, const ContextOptions& options) = 0;
  /// What was asked of it so far.
  virtual LlmServerStatus status() const = 0;
  /// Whether it answers now, as of the last second or two.
  virtual bool is_reachable() = 0;
};

}  // namespace citer
