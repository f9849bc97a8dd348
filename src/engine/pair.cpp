#include "citer/pair.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include "decode/sequence.h"
#include "engine/policy_set.h"
#include "grammar/grammar.h"
#include "model/chat_template.h"
#include "model/model.h"

namespace citer {

namespace {

/// The pair is checked before its routers are loaded.
const Model& checked(const Model& slm, const Model& llm) {
  check_pair(slm, llm);
  return slm;
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
      : chat_template_file(options.chat_template_file),
        slm(Model::load(options.slm)),
        llm(Model::load(options.llm)),
        policies(options.routers, checked(*slm, *llm)) {}

  Constraint constraint(const std::string& gbnf);

  std::string chat_template_file;
  std::shared_ptr<Model> slm;
  std::shared_ptr<Model> llm;
  PolicySet policies;
  std::mutex grammar_mutex;
  std::string last_grammar;  ///< answers that share a grammar mostly come together
  Constraint last_constraint;
  std::mutex template_mutex;
  std::optional<ChatTemplate> chat_template;  ///< made when the first conversation comes
};

Pair::Pair(const PairOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Pair::~Pair() = default;

std::vector<Token> Pair::tokenize(const Prompt& prompt) const {
  if (!prompt.tokens.empty()) return prompt.tokens;
  const std::string& text =
      prompt.messages.empty() ? prompt.text : chat_template().render(prompt.messages);
  return vocab().tokenize(text, true, true);
}

std::shared_ptr<const RoutingPolicy> Pair::policy(const GenerationOptions& options) const {
  return options.own_policy ? options.own_policy : policy(options.policy);
}

std::shared_ptr<const RoutingPolicy> Pair::policy(const std::string& name) const {
  return impl_->policies.find(name);
}

const std::vector<RouterFacts>& Pair::router_facts() const { return impl_->policies.routers(); }
const std::shared_ptr<Model>& Pair::slm() const { return impl_->slm; }
const std::shared_ptr<Model>& Pair::llm() const { return impl_->llm; }
const Vocab& Pair::vocab() const { return impl_->slm->vocab(); }

const ChatTemplate& Pair::chat_template() const {
  const std::lock_guard lock(impl_->template_mutex);
  if (!impl_->chat_template) {
    impl_->chat_template.emplace(ChatTemplate::for_model(*impl_->slm, impl_->chat_template_file));
  }
  return *impl_->chat_template;
}

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
  resolved.prompt = tokenize(request.prompt);
  resolved.policy = policy(options);
  resolved.threshold = choose_threshold(*resolved.policy, options.threshold, options.budget);
  resolved.budget = options.budget;
  resolved.pending_limit = options.pending_tokens;
  resolved.audit = options.audit;
  resolved.max_tokens = options.max_tokens;
  resolved.ignore_eog = options.ignore_eog;
  resolved.stop = options.stop;
  resolved.sampling = options.sampling;
  resolved.constraint = impl_->constraint(options.sampling.grammar);
  resolved.choice = request.choice;
  resolved.score_prompt = request.score_prompt;
  const bool llm_is_near = slm()->parameters() * kMuchLarger > llm()->parameters();
  const Writer first = options.first.value_or(llm_is_near ? Writer::kLlm : Writer::kSlm);
  if (first == Writer::kLlm) resolved.opening = opening_of(resolved);
  return resolved;
}

}  // namespace citer
