#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/row_stats.h"
#include "model/llm_server.h"
#include "remote/patient_link.h"

namespace citer {

/// What an LLM is asked of one sequence.
struct Question {
  int sequence = 0;
  std::span<const Token> tokens;  ///< all of them
  std::vector<int>
      positions{};            ///< of the tokens wanted, rising, each behind tokens that are there
  Draw draw{};                ///< how they are drawn by servers that can
  std::size_t likeliest = 1;  ///< tokens that are wanted of each row
  int ahead = 0;              ///< tokens to write on behind the last
};

/// What an LLM says of the token at a position.
struct RemoteRow {
  int position = 0;
  std::vector<TokenLogit> likeliest;  ///< falling; logits are log-probabilities
  std::optional<Token> drawn{};
};

/// The answer to a question. Its rows presume the tokens of `line` before their positions, which
/// may part from the question's where the server wrote its own.
struct Reply {
  std::vector<Token> line{};
  std::vector<RemoteRow> rows{};  ///< by position
  double llm_seconds = 0.0;       ///< that the LLM took for it; 0: not told
  int positions = 0;              ///< tokens that it read for it; 0: those that are new
  int own_tokens = 0;             ///< that it wrote, where they are not the SLM's
  std::string fault{};            ///< why there is none
};

/// How one kind of server is asked. One thread at a time.
class Backend {
 public:
  virtual ~Backend() = default;
  /// Answers all questions, in their order, by the deadline.
  virtual std::vector<Reply> ask(std::span<const Question> questions, Deadline deadline) = 0;
  /// A sequence will not be gone on with.
  virtual void forget(int /*sequence*/) {}
};

/// A kind of server that can run the LLM.
struct BackendKind {
  std::string name;
  LlmServerFacts facts;
  /// Makes one for a context of so many sequences.
  std::function<std::unique_ptr<Backend>(int sequences)> make;
  /// A path that answers 2xx while the server can be used; "": none is known.
  std::string health = "/health";
};

/// Look whether there is a server of a kind, and check that its vocabulary is the SLM's. Nothing
/// where it is another kind of server. Throw LinkFault or InputError. Each is in a file of its own.
std::optional<BackendKind> recognise_citer(PatientLink& link, const RemoteOptions& options,
                                           LinkCounters& counters, const Vocab& slm,
                                           Deadline deadline);
std::optional<BackendKind> recognise_llama_server(PatientLink& link, const RemoteOptions& options,
                                                  LinkCounters& counters, const Vocab& slm,
                                                  Deadline deadline);

std::optional<BackendKind> recognise_sglang(PatientLink& link, const RemoteOptions& options,
                                            LinkCounters& counters, const Vocab& slm,
                                            Deadline deadline);
std::optional<BackendKind> recognise_vllm(PatientLink& link, const RemoteOptions& options,
                                          LinkCounters& counters, const Vocab& slm,
                                          Deadline deadline);
std::optional<BackendKind> recognise_text(PatientLink& link, const RemoteOptions& options,
                                          LinkCounters& counters, const Vocab& slm,
                                          Deadline deadline);

}  // namespace citer
