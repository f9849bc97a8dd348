#include "citer/engine.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "citer/error.h"
#include "decode/model_pair.h"
#include "decode/policy_set.h"
#include "decode/queue.h"
#include "model/chat_template.h"

namespace citer {

struct Engine::Impl {
  explicit Impl(const EngineOptions& o);

  std::vector<Token> tokenize(const Prompt& prompt);
  std::vector<DecodeRequest> prepare(std::span<const Prompt> prompts,
                                     const GenerationOptions& generation);

  EngineOptions options;
  ModelPair pair;
  PolicySet policies;
  std::optional<ChatTemplate> chat_template;  ///< made when the first conversation comes
  std::vector<Token> last_tokens;             ///< of the last answer, with its slot
  int last_slot = 0;
};

Engine::Impl::Impl(const EngineOptions& o)
    : options(o), pair(o), policies(o.routers, *pair.slm_model) {}

std::vector<Token> Engine::Impl::tokenize(const Prompt& prompt) {
  if (prompt.messages.empty()) return pair.slm_model->vocab().tokenize(prompt.text, true, false);
  if (!chat_template) {
    chat_template.emplace(ChatTemplate::for_model(*pair.slm_model, options.chat_template_file));
  }
  return pair.slm_model->vocab().tokenize(chat_template->render(prompt.messages), true, true);
}

std::vector<DecodeRequest> Engine::Impl::prepare(std::span<const Prompt> prompts,
                                                 const GenerationOptions& generation) {
  DecodeRequest common;
  common.policy = policies.find(generation.policy);
  common.threshold = choose_threshold(*common.policy, generation.threshold, generation.budget);
  common.pending_limit = generation.pending_tokens;
  common.audit = generation.audit;
  common.max_tokens = generation.max_tokens;
  common.ignore_eog = generation.ignore_eog;
  common.stop = generation.stop;
  common.sampling = generation.sampling;
  common.constraint = pair.constraint(generation.sampling.grammar);

  std::vector<DecodeRequest> requests;
  for (const Prompt& prompt : prompts) {
    DecodeRequest request = common;
    try {
      request.prompt = tokenize(prompt);
      pair.decoder.check(request);
    } catch (const UsageError& e) {
      if (prompts.size() == 1) throw;
      throw UsageError(fmt::format("prompt '{}': {}", prompt.id, e.what()));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

Engine::Engine(const EngineOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Engine::~Engine() = default;

void Engine::check(std::span<const Prompt> prompts, const GenerationOptions& options) {
  impl_->prepare(prompts, options);
}

void Engine::generate(std::span<const Prompt> prompts, const GenerationOptions& options,
                      const GenerationCallbacks& callbacks) {
  Decoder& decoder = impl_->pair.decoder;
  const auto show = [&](int slot, std::size_t index) {
    for (const TextPiece& piece : decoder.text(slot).take()) {
      if (callbacks.on_text) callbacks.on_text(index, piece);
    }
  };
  const auto hand_out = [&](int slot, std::size_t index, Sequence sequence) {
    Answer answer = to_answer(sequence);
    answer.id = prompts[index].id;
    impl_->last_tokens = std::move(sequence.tokens);
    impl_->last_slot = slot;
    if (callbacks.on_answer) callbacks.on_answer(index, std::move(answer));
  };
  decode_all(decoder, impl_->prepare(prompts, options),
             {.on_start = nullptr,
              .on_token = show,
              .on_done = hand_out,
              .should_stop = callbacks.should_stop});
}

std::optional<double> Engine::measure_pass_seconds(Writer model, int n) {
  const std::span<const Token> tokens = impl_->last_tokens;
  if (n < 1 || tokens.size() <= static_cast<std::size_t>(n)) return std::nullopt;
  const int last = static_cast<int>(tokens.size()) - 1;
  const RowRequest all{impl_->last_slot, tokens, {&last, 1}};
  const RowRequest before{
      impl_->last_slot, tokens.first(tokens.size() - static_cast<std::size_t>(n)), {}};
  ModelContext& context = model == Writer::kSlm ? impl_->pair.slm : impl_->pair.llm;
  std::array<double, 3> seconds{};
  for (double& s : seconds) {
    context.forward({&before, 1});  // reads what is missing before, takes back what is after
    s = context.forward({&all, 1}).seconds;
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[1];
}

const Counters& Engine::totals() const { return impl_->pair.decoder.totals(); }
ModelFacts Engine::slm_facts() const { return facts_of(impl_->pair.slm); }
ModelFacts Engine::llm_facts() const { return facts_of(impl_->pair.llm); }

void Engine::reset() { impl_->pair.reset(); }

std::shared_ptr<const RoutingPolicy> Engine::policy(const std::string& name) const {
  return impl_->policies.find(name);
}

std::vector<RouterFacts> Engine::router_facts() const { return impl_->policies.routers(); }

std::vector<bool> Engine::audit(const Prompt& prompt, const Answer& answer) {
  std::vector<Token> tokens = impl_->tokenize(prompt);
  std::vector<int> rows;
  for (const TokenRecord& record : answer.tokens) {
    rows.push_back(static_cast<int>(tokens.size()) - 1);
    tokens.push_back(record.id);
  }
  if (rows.empty()) return {};
  tokens.pop_back();  // nothing is asked after the last token
  const RowRequest request{0, tokens, rows};
  impl_->pair.llm.forward({&request, 1});
  std::vector<bool> agrees;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    agrees.push_back(argmax(impl_->pair.llm.row(0, i).logits) == answer.tokens[i].id);
  }
  return agrees;
}

}  // namespace citer
