#include "citer/engine.h"

#include <algorithm>
#include <array>
#include <chrono>

#include <fmt/format.h>

#include "citer/error.h"
#include "decode/decoder.h"
#include "model/chat_template.h"

namespace citer {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

ModelFacts facts(const ModelContext& context) {
  const Model& model = context.model();
  return {model.options().path, model.description(),       model.parameters(),
          model.bytes(),        context.bytes_per_token(), model.n_embd()};
}

}  // namespace

struct Engine::Impl {
  class Run;

  explicit Impl(const EngineOptions& o)
      : options(o),
        slm_model(Model::load(o.slm)),
        llm_model(Model::load(o.llm)),
        slm(checked(slm_model), o.context),
        llm(llm_model, o.context),
        decoder(slm, llm) {}

  /// The pair is checked before any context is made.
  std::shared_ptr<Model> checked(const std::shared_ptr<Model>& model) const {
    check_pair(*slm_model, *llm_model);
    return model;
  }

  std::vector<Token> tokenize(const Prompt& prompt);
  std::vector<DecodeRequest> prepare(std::span<const Prompt> prompts,
                                     const GenerationOptions& generation);

  EngineOptions options;
  std::shared_ptr<Model> slm_model;
  std::shared_ptr<Model> llm_model;
  ModelContext slm;
  ModelContext llm;
  Decoder decoder;
  std::optional<ChatTemplate> chat_template;  ///< made when the first conversation comes
  std::vector<Token> last_tokens;             ///< of the last answer, with its slot
  int last_slot = 0;
};

std::vector<Token> Engine::Impl::tokenize(const Prompt& prompt) {
  if (prompt.messages.empty()) return slm_model->vocab().tokenize(prompt.text, true, false);
  if (!chat_template) {
    chat_template.emplace(ChatTemplate::for_model(*slm_model, options.chat_template_file));
  }
  return slm_model->vocab().tokenize(chat_template->render(prompt.messages), true, true);
}

std::vector<DecodeRequest> Engine::Impl::prepare(std::span<const Prompt> prompts,
                                                 const GenerationOptions& generation) {
  DecodeRequest common;
  common.policy = make_policy(generation.policy);
  common.threshold = generation.threshold.value_or(common.policy->default_threshold());
  common.max_tokens = generation.max_tokens;
  common.ignore_eog = generation.ignore_eog;
  common.stop = generation.stop;
  common.sampling = generation.sampling;

  std::vector<DecodeRequest> requests;
  for (const Prompt& prompt : prompts) {
    DecodeRequest request = common;
    try {
      request.prompt = tokenize(prompt);
      decoder.check(request);
    } catch (const UsageError& e) {
      if (prompts.size() == 1) throw;
      throw UsageError(fmt::format("prompt '{}': {}", prompt.id, e.what()));
    }
    requests.push_back(std::move(request));
  }
  return requests;
}

/// One call of generate(): feeds prompts to free slots and hands out what comes back.
class Engine::Impl::Run {
 public:
  Run(Impl& impl, std::span<const Prompt> prompts, const GenerationOptions& options,
      const GenerationCallbacks& callbacks)
      : impl_(impl),
        decoder_(impl.decoder),
        prompts_(prompts),
        callbacks_(callbacks),
        requests_(impl.prepare(prompts, options)),
        slots_(static_cast<std::size_t>(impl.slm.sequences())) {}

  /// Gives back the slots that an exception left taken.
  ~Run() {
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot]) decoder_.release(static_cast<int>(slot));
    }
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  void run() {
    for (admit(); active_ > 0; admit()) {
      if (callbacks_.should_stop && callbacks_.should_stop()) break;
      for (int slot : decoder_.step()) {
        show(slot);
        if (decoder_.at(slot).finish) hand_out(slot);
      }
    }
    for (std::size_t slot = 0; slot < slots_.size(); ++slot) {
      if (slots_[slot]) abandon(static_cast<int>(slot));
    }
  }

 private:
  /// The prompt a slot works on, and since when.
  struct Work {
    std::size_t index;
    Clock::time_point start;
  };

  void admit() {
    while (next_ < requests_.size()) {
      const std::optional<int> slot = decoder_.free_slot();
      if (!slot) return;
      decoder_.start(*slot, std::move(requests_[next_]));
      slots_[static_cast<std::size_t>(*slot)] = Work{next_++, Clock::now()};
      ++active_;
    }
  }

  void show(int slot) {
    for (const TextPiece& piece : decoder_.text(slot).take()) {
      if (callbacks_.on_text)
        callbacks_.on_text(slots_[static_cast<std::size_t>(slot)]->index, piece);
    }
  }

  /// Hands out an answer that was stopped early, as far as it got.
  void abandon(int slot) {
    decoder_.text(slot).finish();
    show(slot);
    hand_out(slot);
  }

  void hand_out(int slot) {
    const Work work = *slots_[static_cast<std::size_t>(slot)];
    slots_[static_cast<std::size_t>(slot)].reset();
    --active_;
    Sequence sequence = decoder_.release(slot);
    Answer answer;
    answer.id = prompts_[work.index].id;
    answer.text = sequence.text.text();
    answer.finish = sequence.finish.value_or(FinishReason::kLength);
    answer.prompt_tokens = static_cast<int>(sequence.request.prompt.size());
    answer.counters = sequence.counters;
    answer.threshold = sequence.request.threshold;
    answer.seconds = seconds_since(work.start);
    answer.tokens = std::move(sequence.records);
    impl_.last_tokens = std::move(sequence.tokens);
    impl_.last_slot = slot;
    if (callbacks_.on_answer) callbacks_.on_answer(work.index, std::move(answer));
  }

  Impl& impl_;
  Decoder& decoder_;
  std::span<const Prompt> prompts_;
  const GenerationCallbacks& callbacks_;
  std::vector<DecodeRequest> requests_;
  std::vector<std::optional<Work>> slots_;
  std::size_t next_ = 0;
  std::size_t active_ = 0;
};

Engine::Engine(const EngineOptions& options) : impl_(std::make_unique<Impl>(options)) {}
Engine::~Engine() = default;

void Engine::check(std::span<const Prompt> prompts, const GenerationOptions& options) {
  impl_->prepare(prompts, options);
}

void Engine::generate(std::span<const Prompt> prompts, const GenerationOptions& options,
                      const GenerationCallbacks& callbacks) {
  Impl::Run(*impl_, prompts, options, callbacks).run();
}

std::optional<double> Engine::measure_llm_seconds(int n) {
  const std::span<const Token> tokens = impl_->last_tokens;
  if (n < 1 || tokens.size() <= static_cast<std::size_t>(n)) return std::nullopt;
  const int last = static_cast<int>(tokens.size()) - 1;
  const RowRequest all{impl_->last_slot, tokens, {&last, 1}};
  const RowRequest before{
      impl_->last_slot, tokens.first(tokens.size() - static_cast<std::size_t>(n)), {}};
  std::array<double, 3> seconds{};
  for (double& s : seconds) {
    impl_->llm.forward({&before, 1});  // reads what is missing before, or takes back what is after
    s = impl_->llm.forward({&all, 1}).seconds;
  }
  std::sort(seconds.begin(), seconds.end());
  return seconds[1];
}

const Counters& Engine::totals() const { return impl_->decoder.totals(); }
ModelFacts Engine::slm_facts() const { return facts(impl_->slm); }
ModelFacts Engine::llm_facts() const { return facts(impl_->llm); }

void Engine::reset() {
  impl_->slm.reset();
  impl_->llm.reset();
}

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
  impl_->llm.forward({&request, 1});
  std::vector<bool> agrees;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    agrees.push_back(argmax(impl_->llm.row(0, i).logits) == answer.tokens[i].id);
  }
  return agrees;
}

}  // namespace citer
