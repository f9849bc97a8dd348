#include "citer/pair.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "decode/sequence.h"
#include "engine/for_model.h"
#include "engine/policy_set.h"
#include "grammar/grammar.h"
#include "model/chat_format.h"
#include "model/llm_server.h"
#include "model/model.h"

namespace citer {

namespace {

/// Of two models with one vocabulary: that whose tokens both know.
const Vocab& common_vocab(const Model& slm, const Model& llm) {
  return slm.vocab().size() <= llm.vocab().size() ? slm.vocab() : llm.vocab();
}

/// Refuses what compares the models' tokens, or names some, where these are not the same.
void check_by_text(const Request& request, const RoutingPolicy& policy, const std::string& why) {
  const GenerationOptions& options = request.options;
  const SamplingOptions& sampling = options.sampling;
  const auto refuse = [&](bool is_asked, const char* field, const std::string& what) {
    if (is_asked) throw FieldError({field}, fmt::format("{} {}", what, why));
  };
  const PolicyNeeds needs = policy.needs();
  const bool compares = needs.llm || needs.judges || policy.name() == "speculative";
  refuse(compares, "policy", fmt::format("'{}'", policy.name()));
  refuse(options.pending_tokens > 1, "pending_tokens", "speculation");
  refuse(options.audit, "audit", "comparing the models' tokens");
  refuse(options.reasoning_budget >= 0, "reasoning_budget", "a budget of thinking");
  refuse(sampling.top_logprobs >= 0 || request.score_prompt, "top_logprobs", "it");
  refuse(!sampling.logit_bias.empty(), "logit_bias", "it");
}

/// Refuses what needs whole rows of an LLM whose server gives the likeliest tokens alone.
void check_by_server(const Request& request, const RoutingPolicy& policy,
                     const LlmServerFacts& server) {
  const SamplingOptions& sampling = request.options.sampling;
  const std::string& url = server.model.path;
  if (server.writes_text) {
    check_by_text(request, policy, fmt::format("needs the LLM's tokens: {} gives text alone", url));
  }
  if (policy.needs().llm || policy.needs().judges) {
    throw FieldError({"policy"}, fmt::format("'{}' compares both models' rows: it needs an LLM in "
                                             "this process",
                                             policy.name()));
  }
  const std::string given =
      server.writes_text ? "text" : fmt::format("the likeliest {} tokens", server.likeliest);
  const auto refuse = [&](bool is_asked, const char* field) {
    if (is_asked) {
      throw FieldError({field},
                       fmt::format("{} gives {} alone, which is not enough for it", url, given));
    }
  };
  refuse(request.score_prompt, "top_logprobs");
  refuse(sampling.top_logprobs > server.likeliest, "top_logprobs");
  if (server.draws) return;
  refuse(request.options.audit, "audit");
  refuse(!sampling.logit_bias.empty(), "logit_bias");
  refuse(sampling.repeat_penalty != 1.0, "repeat_penalty");
  refuse(sampling.frequency_penalty != 0.0, "frequency_penalty");
  refuse(sampling.presence_penalty != 0.0, "presence_penalty");
  if (server.writes_text) return refuse(!sampling.grammar.empty(), "grammar");
  const bool is_wide = sampling.top_k == 0 || sampling.top_k >= server.likeliest;
  refuse(sampling.temperature > 0 && is_wide, "top_k");
}

/// Without a file of its own there is one model alone; at a server none is here.
std::shared_ptr<Model> llm_of(const PairOptions& options, const std::shared_ptr<Model>& slm) {
  if (options.llm_server) return nullptr;
  if (options.llm.path.empty()) return slm;
  return for_model("llm", [&] { return Model::load(options.llm); });
}

/// Where a server runs the LLM, with the template that it tells of.
ChatOptions with_template(ChatOptions options, const LlmServerFacts& server) {
  options.llm_template = server.chat_template;
  return options;
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
  const bool reads_both =
      needs.slm && !needs.llm && !needs.judges && !needs.per_prompt && !request.score_prompt;
  if (!writes_both || !reads_both || request.prompt.size() < kShort) return 0;
  return static_cast<int>(std::min(kMost, (request.prompt.size() + kPart - 1) / kPart));
}

}  // namespace

struct Pair::Impl {
  explicit Impl(const PairOptions& options)
      : slm(for_model("slm", [&] { return Model::load(options.slm); })),
        server(options.llm_server),
        server_facts(server ? server->open(slm->vocab()) : LlmServerFacts{}),
        llm(llm_of(options, slm)),
        match(llm ? check_pair(*slm, *llm) : VocabMatch{}),
        vocab(llm && match.is_pair() ? common_vocab(*slm, *llm) : slm->vocab()),
        chat_format(*slm, llm ? *llm : *slm, match.is_pair() ? vocab : llm->vocab(),
                    with_template(options.chat, server_facts), !match.is_pair()),
        policies(options.routers, *slm) {
    take_notes();
  }

  void take_notes();
  Constraint constraint(const std::string& gbnf, const Vocab& of);

  std::shared_ptr<Model> slm;
  std::shared_ptr<LlmServer> server;
  LlmServerFacts server_facts;
  std::shared_ptr<Model> llm;
  VocabMatch match;  ///< the pair is checked before anything is made of it
  const Vocab& vocab;
  ChatFormat chat_format;
  PolicySet policies;
  std::vector<std::string> notes;
  std::mutex grammar_mutex;
  std::string last_grammar;  ///< answers that share a grammar mostly come together
  std::shared_ptr<const Grammar> last_compiled;
  std::map<const Vocab*, std::shared_ptr<const TokenTrie>> tries;
};

void Pair::Impl::take_notes() {
  if (!server_facts.note.empty()) notes.push_back(server_facts.note);
  if (!match.is_pair()) {
    notes.push_back(
        fmt::format("the models' vocabularies differ: {}; the LLM goes on by text, in "
                    "plain routing",
                    match.text()));
  } else if (!match.harmless.empty()) {
    notes.push_back("the models' vocabularies differ where it does not matter: " + match.harmless);
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
  if (!is_single()) return impl_->policies.find(name);
  if (!name.empty() && name != "slm") {
    throw FieldError({"policy"},
                     fmt::format("expected slm, found '{}': there is one model alone", name));
  }
  return make_policy("slm");
}

const std::vector<RouterFacts>& Pair::router_facts() const { return impl_->policies.routers(); }
const std::shared_ptr<Model>& Pair::slm() const { return impl_->slm; }
const std::shared_ptr<Model>& Pair::llm() const { return impl_->llm; }
const Vocab& Pair::vocab() const { return impl_->vocab; }
bool Pair::is_single() const { return impl_->slm == impl_->llm; }
const std::shared_ptr<LlmServer>& Pair::llm_server() const { return impl_->server; }
const ModelFacts& Pair::llm_server_facts() const { return impl_->server_facts.model; }
bool Pair::has_one_vocabulary() const { return impl_->match.is_pair(); }

void Pair::require_one_vocabulary(const std::string& what) const {
  if (has_one_vocabulary()) return;
  throw InputError(
      fmt::format("{} and {}: {} needs two models of one vocabulary, theirs differ: {}",
                  slm()->options().path, llm()->options().path, what, impl_->match.text()));
}

const ChatFormat& Pair::chat_format() const { return impl_->chat_format; }
const std::vector<std::string>& Pair::notes() const { return impl_->notes; }

/// Compiled on the caller's thread.
Constraint Pair::Impl::constraint(const std::string& gbnf, const Vocab& of) {
  if (gbnf.empty()) return {};
  const std::lock_guard lock(grammar_mutex);
  if (gbnf != last_grammar) {
    last_compiled = compile_grammar(gbnf);
    last_grammar = gbnf;
  }
  std::shared_ptr<const TokenTrie>& trie = tries[&of];
  if (!trie) trie = make_token_trie(of);
  return {last_compiled, trie, &of, {}};
}

void Pair::check_grammar(const std::string& gbnf) const { impl_->constraint(gbnf, slm()->vocab()); }

DecodeRequest Pair::resolve(const Request& request) const {
  const GenerationOptions& options = request.options;
  DecodeRequest resolved;
  Prompt prompt = read(request.prompt);
  resolved.prompt = std::move(prompt.tokens);
  resolved.llm_prompt = std::move(prompt.llm_tokens);
  resolved.thinking = prompt.thinking;
  resolved.policy = policy(options);
  if (is_single() && (options.threshold || options.budget)) {
    throw FieldError({options.threshold ? "threshold" : "budget"},
                     "there is one model alone, which writes every token");
  }
  if (!has_one_vocabulary()) {
    check_by_text(request, *resolved.policy, "needs two models of one vocabulary");
  }
  if (impl_->server) check_by_server(request, *resolved.policy, impl_->server_facts);
  resolved.promise = choose_promise(*resolved.policy, options);
  resolved.threshold = choose_threshold(*resolved.policy, options);
  const bool too_little_is_shown = resolved.promise && !resolved.promise->threshold;
  if (too_little_is_shown) resolved.policy = make_policy("llm");
  resolved.budget = options.budget;
  // A recurrent LLM reads much again after a correction, and one of another vocabulary is not
  // guessed for.
  const bool forgets = llm() && llm()->memory() == MemoryKind::kState;
  resolved.llm_reads_text = impl_->server_facts.writes_text;
  const bool guesses_pay = !forgets && has_one_vocabulary() && !resolved.llm_reads_text;
  resolved.pending_limit = options.pending_tokens == 0 && !guesses_pay ? 1 : options.pending_tokens;
  resolved.llm_required = options.llm_required;
  resolved.audit = options.audit;
  resolved.max_tokens = options.max_tokens;
  resolved.ignore_eog = options.ignore_eog;
  resolved.min_tokens = std::max(options.min_tokens, 0);
  resolved.reuse_prefix = options.reuse_prefix;
  resolved.stop = options.stop;
  resolved.sampling = options.sampling;
  const auto constraint_of = [&](const Vocab& written, const Vocab& known) {
    Constraint constraint = impl_->constraint(options.sampling.grammar, written);
    if (prompt.thinking) constraint.thinking = {*prompt.thinking, options.reasoning_budget, known};
    return constraint;
  };
  resolved.constraint = constraint_of(slm()->vocab(), vocab());
  if (!has_one_vocabulary())
    resolved.llm_constraint = constraint_of(llm()->vocab(), llm()->vocab());
  resolved.choice = request.choice;
  resolved.score_prompt = request.score_prompt;
  resolved.slot = request.slot;
  const std::uint64_t llm_parameters =
      llm() ? llm()->parameters() : impl_->server_facts.model.parameters;
  const bool llm_is_near = slm()->parameters() * kMuchLarger > llm_parameters;
  const Writer first = options.first.value_or(llm_is_near ? Writer::kLlm : Writer::kSlm);
  if (first == Writer::kLlm && !is_single()) resolved.opening = opening_of(resolved);
  resolved.routing_is_free = options.policy.empty() && !options.own_policy && !options.threshold &&
                             !options.budget && !request.score_prompt && !too_little_is_shown &&
                             !is_single();
  return resolved;
}

}  // namespace citer
