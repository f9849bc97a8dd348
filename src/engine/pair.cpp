#include "citer/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>

#include "decode/sequence.h"
#include "engine/for_model.h"
#include "engine/policy_set.h"
#include "grammar/grammar.h"
#include "model/chat_format.h"
#include "model/model.h"

namespace citer {

namespace {

/// The vocabulary whose tokens both models know.
const Vocab& common_vocab(const Model& slm, const Model& llm) {
  return slm.vocab().size() <= llm.vocab().size() ? slm.vocab() : llm.vocab();
}

/// An LLM with so many times the SLM's parameters reads a prompt in about the time that both take.
constexpr std::uint64_t kMuchLarger = 10;

/// First tokens for the LLM, where both models are to read the prompt: one for each part that the
/// SLM reads between them, so that none comes late.
int opening_of(const DecodeRequest& request) {
  constexpr std::size_t kPart = 256;
  constexpr std::size_t kMost = 8;
  constexpr std::size_t kShort = 32;  // both read it in a moment
  const PolicyNeeds needs = request.policy->needs();
  const bool writes_both = request.budget ? *request.budget > 0 && *request.budget < 1
                                          : request.threshold > 0 && request.threshold < 1;
  const bool reads_both = needs.slm && !needs.llm && !needs.per_prompt && !request.score_prompt;
  if (!writes_both || !reads_both || request.prompt.size() < kShort) return 0;
  return static_cast<int>(std::min(kMost, (request.prompt.size() + kPart - 1) / kPart));
}

}  // namespace

struct Pair::Impl {
  explicit Impl(const PairOptions& options)
      : slm(for_model("slm", [&] { return Model::load(options.slm); })),
        llm(for_model("llm", [&] { return Model::load(options.llm); })),
        vocab_note(check_pair(*slm, *llm)),
        chat_format(*slm, *llm, common_vocab(*slm, *llm), options.chat),
        policies(options.routers, *slm) {
    take_notes();
  }

  void take_notes();
  Constraint constraint(const std::string& gbnf);

  std::shared_ptr<Model> slm;
  std::shared_ptr<Model> llm;
  std::string vocab_note;  ///< the pair is checked before anything is made of it
  ChatFormat chat_format;
  PolicySet policies;
  std::vector<std::string> notes;
  std::mutex grammar_mutex;
  std::string last_grammar;  ///< answers that share a grammar mostly come together
  Constraint last_constraint;
};

void Pair::Impl::take_notes() {
  if (!vocab_note.empty()) {
    notes.push_back("the models' vocabularies differ where it does not matter: " + vocab_note);
  }
  if (chat_format.is_used() && chat_format.models_differ()) {
    notes.emplace_back("the models' chat templates differ; the LLM's is used");
  }
  const std::string format = chat_format.name();
  for (const RouterFacts& router : policies.routers()) {
    if (router.chat_format.empty() || router.chat_format == format) continue;
    notes.push_back(fmt::format("{}: trained on prompts in the format '{}', here it is '{}'",
                                router.path, router.chat_format, format));
  }
}

Pair::Pair(const PairOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Pair::~Pair() = default;

Prompt Pair::read(const Prompt& prompt) const { return impl_->chat_format.read(prompt); }

std::shared_ptr<const RoutingPolicy> Pair::policy(const GenerationOptions& options) const {
  return options.own_policy ? options.own_policy : policy(options.policy);
}

std::shared_ptr<const RoutingPolicy> Pair::policy(const std::string& name) const {
  return impl_->policies.find(name);
}

const std::vector<RouterFacts>& Pair::router_facts() const { return impl_->policies.routers(); }
const std::shared_ptr<Model>& Pair::slm() const { return impl_->slm; }
const std::shared_ptr<Model>& Pair::llm() const { return impl_->llm; }
const Vocab& Pair::vocab() const { return common_vocab(*impl_->slm, *impl_->llm); }

const ChatFormat& Pair::chat_format() const { return impl_->chat_format; }
const std::vector<std::string>& Pair::notes() const { return impl_->notes; }

/// Compiled on the caller's thread.
Constraint Pair::Impl::constraint(const std::string& gbnf) {
  if (gbnf.empty()) return {};
  const std::lock_guard lock(grammar_mutex);
  if (gbnf == last_grammar) return last_constraint;
  auto grammar = compile_grammar(gbnf);
  if (!last_constraint.trie) last_constraint.trie = make_token_trie(slm->vocab());
  last_constraint.vocab = &slm->vocab();
  last_constraint.grammar = std::move(grammar);
  last_grammar = gbnf;
  return last_constraint;
}

void Pair::check_grammar(const std::string& gbnf) const { impl_->constraint(gbnf); }

DecodeRequest Pair::resolve(const Request& request) const {
  const GenerationOptions& options = request.options;
  DecodeRequest resolved;
  Prompt prompt = read(request.prompt);
  resolved.prompt = std::move(prompt.tokens);
  resolved.thinking = prompt.thinking;
  resolved.policy = policy(options);
  resolved.threshold = choose_threshold(*resolved.policy, options.threshold, options.budget);
  resolved.budget = options.budget;
  // A recurrent LLM reads much again after a correction: guessing does not pay.
  const bool guesses_pay = llm()->memory() != MemoryKind::kState;
  resolved.pending_limit = options.pending_tokens == 0 && !guesses_pay ? 1 : options.pending_tokens;
  resolved.audit = options.audit;
  resolved.max_tokens = options.max_tokens;
  resolved.ignore_eog = options.ignore_eog;
  resolved.min_tokens = std::max(options.min_tokens, 0);
  resolved.stop = options.stop;
  resolved.sampling = options.sampling;
  resolved.constraint = impl_->constraint(options.sampling.grammar);
  if (prompt.thinking) {
    resolved.constraint.thinking = {*prompt.thinking, options.reasoning_budget, vocab()};
  }
  resolved.choice = request.choice;
  resolved.score_prompt = request.score_prompt;
  const bool llm_is_near = slm()->parameters() * kMuchLarger > llm()->parameters();
  const Writer first = options.first.value_or(llm_is_near ? Writer::kLlm : Writer::kSlm);
  if (first == Writer::kLlm) resolved.opening = opening_of(resolved);
  resolved.routing_is_free = options.policy.empty() && !options.own_policy && !options.threshold &&
                             !options.budget && !request.score_prompt;
  return resolved;
}

}  // namespace citer
