#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "remote/backend.h"

namespace citer {

/// N sequences over an LLM that a server runs. Where it does not answer, requests have a fault, and
/// for some time no further ones are made, longer from time to time.
///
/// What the server wrote on by itself is kept: where the answer comes to the same text, its rows
/// are given without another trip.
class RemoteContext final : public Context {
 public:
  /// The vocabulary and the counter must outlive it.
  RemoteContext(std::unique_ptr<Backend> backend, const Vocab& slm, const LlmServerFacts& facts,
                RemoteOptions remote, const ContextOptions& options,
                std::atomic<std::int64_t>& faults);

  ForwardCost forward(std::span<const RowRequest> requests, bool want_hidden = false) override;
  /// Without likeliest tokens where the server decided no more, but for the first.
  Row row(std::size_t request, std::size_t i) const override;
  void limit_vocabulary(int n) override { n_shared_ = n; }
  void interrupt_when(std::function<bool()> unwanted) override { unwanted_ = std::move(unwanted); }
  void reset() override;
  void forget(int sequence) override;
  /// Nothing is shared here: the server does that itself, if it can.
  void fork(int /*from*/, int /*to*/, std::size_t /*length*/) override {}
  int context_size() const override { return context_size_; }
  int sequences() const override { return static_cast<int>(lines_.size()); }
  std::span<const Token> cached(int sequence) const override { return line_of(sequence).tokens; }
  std::size_t cached_prefix(int sequence, std::span<const Token> tokens) const override;
  const Vocab& vocab() const override { return vocab_; }
  int n_vocab() const override { return n_vocab_; }

 private:
  using Clock = std::chrono::steady_clock;

  /// What is known of a sequence: rows, each presuming the tokens before its position.
  struct Line {
    std::vector<Token> tokens;
    std::vector<RemoteRow> rows;
    SamplingOptions sampling{};  ///< that they were asked with, as the stream
    std::uint64_t stream = 0;
  };

  const Line& line_of(int sequence) const { return lines_[static_cast<std::size_t>(sequence)]; }
  Line& line_of(int sequence) { return lines_[static_cast<std::size_t>(sequence)]; }
  std::vector<RemoteRow> known(const RowRequest& request) const;
  Question question(const RowRequest& request) const;
  std::vector<Reply> ask(std::span<const Question> questions);
  void take(const RowRequest& request, Reply reply, RequestCost& cost,
            std::vector<RemoteRow>& rows);
  int ahead() const;
  void learn_times(double seconds, std::span<const Reply> replies);
  void answered(bool all);

  std::unique_ptr<Backend> backend_;
  const Vocab& vocab_;
  RemoteOptions options_;
  int n_vocab_;
  int n_shared_;
  int context_size_;
  bool draws_;
  int most_listed_;
  std::vector<Line> lines_;
  std::vector<std::vector<RemoteRow>> rows_;  ///< by request of the last forward()
  std::function<bool()> unwanted_;
  std::atomic<std::int64_t>& faults_;

  double trip_seconds_ = 0.0;   ///< of the way alone, about the least; 0: not known
  double token_seconds_ = 0.0;  ///< of the LLM for a token, likewise
  Clock::time_point away_until_{};
  std::chrono::milliseconds pause_{0};
  std::string last_fault_;
};

}  // namespace citer
