#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "citer/service.h"
#include "citer/types.h"
#include "model/passes.h"
#include "model/sampler.h"

namespace citer {

/// What a client has an LLM decide in one session: a sequence of its own that the server holds.
struct SessionStep {
  std::string session;         ///< the client's name of it
  std::size_t keep = 0;        ///< of the tokens that it holds, so many of the first stay
  std::vector<Token> append;   ///< behind those
  std::uint64_t digest = 0;    ///< hash_tokens() of all of them
  std::vector<int> positions;  ///< of the tokens to decide: rising, from 1 to their number
  int top = 0;                 ///< likeliest tokens to list at each
  /// How tokens are drawn (without grammars); none: they are not.
  std::optional<SamplingOptions> sampling{};
  std::uint64_t stream = 0;  ///< with the seed and the position: the address of its random numbers
  int ahead = 0;             ///< tokens to write on behind the last position
};

/// What the LLM decided at a position.
struct SessionDecision {
  int position = 0;
  std::optional<Token> token;  ///< if it was drawn
  float logprob = 0.0F;        ///< of it
  std::vector<std::pair<Token, float>> top;
};

struct SessionAnswer {
  enum class Fault {
    kNone,
    kGone,     ///< the server does not hold the session (any more): send all of it
    kDiffers,  ///< it holds other tokens: likewise
    kTooLong,  ///< more tokens than the context holds
    kFailed,   ///< the pass failed; the session is dropped
  };
  Fault fault = Fault::kNone;
  std::string error;
  std::vector<SessionDecision> decisions;
  double seconds = 0.0;  ///< of the passes that it took part in
};

/// A step on its way.
struct SessionWork {
  SessionStep step;
  SessionAnswer answer{};
  int sequence = -1;  ///< of the context; -1: not begun
  bool is_done = false;
};

/// Clients' sessions over sequences of an LLM's context: one pass for all that ask. Sessions are
/// dropped when nobody has used them for some time, and the one that has been idle longest when
/// there is no other room. One thread at a time.
class Sessions {
 public:
  /// In `count` sequences from `first` on. The context must outlive it.
  Sessions(Context& llm, int first, int count, std::chrono::seconds longest_idle);

  /// Begins what can be begun and makes one pass over what is under way, of a part of each where
  /// that is long; some are done then. Works whose session is busy wait for a later round.
  void round(std::span<SessionWork* const> works);

  SessionsStatus status() const;

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    std::string session;  ///< "": free
    std::vector<Token> tokens;
    bool is_busy = false;
    Clock::time_point used_at{};
  };

  Held& held_by(const SessionWork& work);
  std::optional<int> find(const std::string& session) const;
  std::optional<int> claim();
  void drop_old();
  void drop(Held& held);
  void begin(SessionWork& work);
  void read(std::vector<SessionWork*>& works);
  void decide(SessionWork& work, std::size_t request);
  void finish(SessionWork& work);
  void fail(SessionWork& work, SessionAnswer::Fault fault, std::string error);

  Context& llm_;
  int first_;
  std::chrono::seconds longest_idle_;
  std::vector<Held> held_;
  SessionsStatus status_;
};

}  // namespace citer
