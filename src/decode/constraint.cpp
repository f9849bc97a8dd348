#include "decode/constraint.h"

#include <algorithm>

namespace citer {

std::shared_ptr<const TokenTrie> make_token_trie(const Vocab& vocab) {
  std::vector<std::string> pieces(static_cast<std::size_t>(vocab.size()));
  for (Token token = 0; token < vocab.size(); ++token) {
    if (vocab.is_end_of_generation(token)) continue;
    pieces[static_cast<std::size_t>(token)] = vocab.piece(token);
  }
  return std::make_shared<const TokenTrie>(pieces);
}

ConstrainedSampler::ConstrainedSampler(int n_vocab, const SamplingOptions& options,
                                       std::uint64_t stream, Constraint constraint,
                                       std::size_t prompt_size)
    : sampler_(n_vocab, options, stream),
      constraint_(std::move(constraint)),
      prompt_size_(prompt_size) {}

Token ConstrainedSampler::sample(const Row& row, std::span<const Token> context, Token without) {
  if (!constraint_.grammar) return sampler_.sample(row, context, without);
  follow(context.subspan(prompt_size_));
  const Token free = sampler_.sample(row, context, without);
  if (allows(free)) return free;
  list_allowed();
  const Token token = sampler_.sample(row, context, without, &allowed_);
  if (token != kNoToken) return token;
  return constraint_.vocab->end_of_answer() >= 0 ? constraint_.vocab->end_of_answer() : free;
}

bool ConstrainedSampler::is_complete(std::span<const Token> context) {
  if (!constraint_.grammar) return false;
  follow(context.subspan(prompt_size_));
  return matcher_->may_end() && !matcher_->can_continue();
}

/// Brings the matcher to where `answer` ends. Tokens that the grammar does not allow are those that
/// end an answer, or were to: it stays where it was.
void ConstrainedSampler::follow(std::span<const Token> answer) {
  if (!matcher_) matcher_.emplace(constraint_.grammar);
  const auto [mine, theirs] =
      std::mismatch(followed_.begin(), followed_.end(), answer.begin(), answer.end());
  const auto kept = static_cast<std::size_t>(mine - followed_.begin());
  if (kept < followed_.size()) matcher_->truncate(sizes_[kept]);
  followed_.resize(kept);
  sizes_.resize(kept);
  for (const Token token : answer.subspan(kept)) {
    const std::size_t size = matcher_->size();
    if (!constraint_.vocab->is_end_of_generation(token))
      matcher_->accept(constraint_.vocab->piece(token));
    followed_.push_back(token);
    sizes_.push_back(size);
  }
}

bool ConstrainedSampler::allows(Token token) {
  if (constraint_.vocab->is_end_of_generation(token)) return matcher_->may_end();
  const std::string& piece = constraint_.vocab->piece(token);
  return !piece.empty() && matcher_->allows(piece);
}

void ConstrainedSampler::list_allowed() {
  matcher_->allowed_tokens(*constraint_.trie, allowed_);
  if (!matcher_->may_end()) return;
  for (Token token = 0; token < constraint_.vocab->size(); ++token) {
    if (constraint_.vocab->is_end_of_generation(token))
      allowed_[static_cast<std::size_t>(token)] = true;
  }
}

}  // namespace citer
