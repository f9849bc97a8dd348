#include "learn/guided_writer.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "decode/text_stream.h"

namespace citer {

namespace {

/// Tokens that must agree with the guide before it is followed.
constexpr std::size_t kMatch = 3;
/// Drafts of one pass; after a rejected one few again.
constexpr std::size_t kFewDrafts = 4;
constexpr std::size_t kMostDrafts = 32;

/// One text at work.
class Writing {
 public:
  Writing(const GuidedJob& job, GuidedText& out, const Vocab& vocab,
          const std::vector<std::string>& stop)
      : job_(job), out_(out), vocab_(vocab), tokens_(job.tokens), text_(stop) {
    for (std::size_t i = job.prompt; i < tokens_.size(); ++i) push(tokens_[i]);
  }

  bool is_done() const { return out_.is_whole || left() == 0; }

  /// The request of its next pass, in this sequence.
  RowRequest draft(int sequence) {
    decided_ = tokens_.size();
    find_guide();
    const std::size_t end = std::min(job_.guide.size(), at_ + std::min(drafts_, left() - 1));
    for (std::size_t i = at_; i < end; ++i) tokens_.push_back(job_.guide[i]);
    rows_.clear();
    for (std::size_t i = decided_ - 1; i < tokens_.size(); ++i) {
      rows_.push_back(static_cast<int>(i));
    }
    return {.sequence = sequence,
            .tokens = tokens_,
            .rows = rows_,
            .form = {.sums = false, .logits = false},
            .decided = decided_};
  }

  /// Takes the drafts that the model would have written, and its own token behind them.
  void verify(const Context& model, std::size_t request) {
    ++out_.passes;
    std::size_t i = 0;
    for (; i < rows_.size() && !is_done(); ++i) {
      const Token token = model.row(request, i).stats.likeliest.front().id;
      const std::size_t place = decided_ + i;
      const bool is_drafted = place < tokens_.size() && tokens_[place] == token;
      if (!is_drafted) tokens_.resize(place);
      if (!is_drafted) tokens_.push_back(token);
      out_.tokens.push_back(token);
      push(token);
      if (!is_drafted) break;
    }
    if (i + 1 < rows_.size()) {
      drafts_ = kFewDrafts;
    } else if (rows_.size() > 1) {
      drafts_ = std::min(2 * drafts_, kMostDrafts);
    }
  }

 private:
  std::size_t left() const {
    return static_cast<std::size_t>(job_.max_tokens) - out_.tokens.size();
  }

  void push(Token token) {
    out_.is_whole = vocab_.is_end_of_generation(token);
    if (out_.is_whole) return;
    text_.push(vocab_.piece(token), Writer::kLlm);
    out_.is_whole = text_.stopped();
    out_.text = text_.text();
  }

  /// Sets at_ to the guide's token that follows what the last tokens are there: of several places
  /// the one nearest to as far into the answer. None: the guide's end.
  void find_guide() {
    const std::span<const Token> guide = job_.guide;
    const std::size_t written = tokens_.size() - job_.prompt;
    at_ = guide.size();
    if (written < kMatch) return;
    const auto last = tokens_.end() - kMatch;
    std::optional<std::size_t> nearest;
    for (std::size_t i = kMatch; i < guide.size(); ++i) {
      if (!std::equal(last, tokens_.end(),
                      guide.begin() + static_cast<std::ptrdiff_t>(i - kMatch))) {
        continue;
      }
      const std::size_t distance = i > written ? i - written : written - i;
      if (nearest && distance >= *nearest) continue;
      nearest = distance;
      at_ = i;
    }
  }

  const GuidedJob& job_;
  GuidedText& out_;
  const Vocab& vocab_;
  std::vector<Token> tokens_;
  TextStream text_;
  std::size_t decided_ = 0;  ///< tokens before this pass's drafts
  std::vector<int> rows_;
  std::size_t at_ = 0;  ///< where the guide goes on
  std::size_t drafts_ = kFewDrafts;
};

}  // namespace

std::vector<GuidedText> write_guided(Context& model, const Vocab& vocab, int slots,
                                     const std::vector<std::string>& stop,
                                     std::span<const GuidedJob> jobs) {
  std::vector<GuidedText> out(jobs.size());
  std::vector<std::unique_ptr<Writing>> active(static_cast<std::size_t>(slots));
  std::size_t next = 0;
  const auto begin_next = [&](int slot) {
    const GuidedJob& job = jobs[next];
    model.fork(job.source, slot, model.cached_prefix(job.source, job.tokens));
    return std::make_unique<Writing>(job, out[next++], vocab, stop);
  };
  for (;;) {
    std::vector<RowRequest> requests;
    std::vector<Writing*> asked;
    for (int slot = 0; slot < slots; ++slot) {
      auto& writing = active[static_cast<std::size_t>(slot)];
      if (writing && writing->is_done()) writing.reset();
      while (!writing && next < jobs.size()) {
        writing = begin_next(slot);
        if (writing->is_done()) writing.reset();
      }
      if (!writing) continue;
      requests.push_back(writing->draft(slot));
      asked.push_back(writing.get());
    }
    if (requests.empty()) return out;
    model.forward(requests);
    for (std::size_t i = 0; i < asked.size(); ++i) asked[i]->verify(model, i);
  }
}

}  // namespace citer
