// Collection beside the straightforward way: the same examples, labelled by both, and their speed.
// The straightforward way asks each model for one token after the other along the reference, and
// writes one continuation at a time, whose beginning it reads again. With --afresh it reads the
// beginning again for each token of the reference, too: nothing is shared.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/models.h"
#include "learn/branch.h"
#include "learn/collect.h"
#include "learn/rollouts.h"
#include "model/sampler.h"
#include "task/answer.h"

namespace citer {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Flags {
  PairOptions pair;
  ServiceOptions service;
  CollectJob collect;
  int workers = 0;
  bool afresh = false;
};

/// Labels of examples' positions by LabelRule::kOutcome, in the order collect() has them.
class Straightforward {
 public:
  explicit Straightforward(const Flags& flags)
      : flags_(flags), service_(std::make_shared<Pair>(flags.pair), one(flags)) {}

  void label(const Example& example, std::vector<float>& labels) {
    const Vocab& vocab = service_.pair().vocab();
    const std::vector<Token> prompt = service_.pair().tokenize({.text = example.prompt});
    std::vector<Token> text = vocab.tokenize(example.reference, false, false);
    if (vocab.end_of_answer() >= 0) text.push_back(vocab.end_of_answer());
    std::vector<Token> slm;
    std::vector<Token> llm;
    service_.with_models([&](Models& models) {
      slm = choices(models.slm, prompt, text);
      llm = choices(models.llm, prompt, text);
    });
    for (std::size_t h = 0; h < text.size(); ++h) {
      double label = 1.0;
      if (slm[h] != llm[h]) {
        label = preference({branch(example, prompt, text, h, slm[h], false)},
                           {branch(example, prompt, text, h, llm[h], true)},
                           flags_.collect.cost_weight);
      }
      labels.push_back(static_cast<float>(label));
    }
  }

 private:
  static ServiceOptions one(const Flags& flags) {
    ServiceOptions options = flags.service;
    options.context.sequences = 1;
    options.by_times = false;
    return options;
  }

  /// A model's likeliest token at each position of `text`, one pass each.
  std::vector<Token> choices(Context& model, std::vector<Token> tokens,
                             const std::vector<Token>& text) const {
    model.reset();
    std::vector<Token> chosen;
    for (const Token token : text) {
      if (flags_.afresh) model.reset();
      const int last = static_cast<int>(tokens.size()) - 1;
      const RowRequest request{0, tokens, {&last, 1}};
      model.forward({&request, 1});
      chosen.push_back(model.row(0, 0).stats.likeliest.front().id);
      tokens.push_back(token);
    }
    return chosen;
  }

  /// The LLM goes on.
  Answer continuation(const std::vector<Token>& prefix, int max_tokens) {
    service_.reset();
    GenerationOptions llm_alone;
    llm_alone.own_policy = make_policy("llm");
    llm_alone.threshold = 1.0;
    llm_alone.first = Writer::kSlm;
    llm_alone.max_tokens = max_tokens;
    Prompt prompt;
    prompt.tokens = prefix;
    return std::move(write_answers(service_, {prompt}, llm_alone).front());
  }

  Branch branch(const Example& example, const std::vector<Token>& prompt,
                const std::vector<Token>& text, std::size_t h, Token token, bool by_llm) {
    const Vocab& vocab = service_.pair().vocab();
    std::vector<Token> answer(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(h));
    answer.push_back(token);
    std::string written = vocab.text(answer);
    const int left = flags_.collect.max_tokens - static_cast<int>(answer.size());
    Counters counters;
    if (!vocab.is_end_of_generation(token) && left > 0) {
      std::vector<Token> prefix = prompt;
      prefix.insert(prefix.end(), answer.begin(), answer.end());
      const Answer rest = continuation(prefix, left);
      written += rest.text;
      counters = rest.counters;
    }
    // As if its cache held the beginning.
    counters.llm_passes = counters.llm_positions = counters.llm_tokens;
    return {judge_.judge(example, written).correct ? 1.0 : 0.0,
            branch_cost(counters, by_llm, text.size() - h)};
  }

  const Flags& flags_;
  Service service_;
  AnswerJudge judge_;
};

void run(const Flags& flags) {
  std::filesystem::remove(flags.collect.out);
  ServicePool services(flags.pair, flags.service, flags.workers);
  const auto start = Clock::now();
  const Preferences ours = *collect(services, flags.collect);
  const double our_seconds = seconds_since(start);
  std::filesystem::remove(flags.collect.out);

  std::vector<Example> examples;
  for (const auto& path : flags.collect.data) {
    const Dataset dataset = load_dataset(path, flags.collect.dataset);
    examples.insert(examples.end(), dataset.examples.begin(), dataset.examples.end());
  }
  std::vector<float> labels;
  Straightforward straightforward(flags);
  const auto second = Clock::now();
  for (const Example& example : examples) straightforward.label(example, labels);
  const double their_seconds = seconds_since(second);

  std::size_t equal = 0;
  for (std::size_t i = 0; i < std::min(labels.size(), ours.label.size()); ++i) {
    equal += labels[i] == ours.label[i] ? 1 : 0;
  }
  const auto n = static_cast<double>(examples.size());
  fmt::print("{} examples, {} positions, {} labels equal, {} workers\n", examples.size(),
             ours.size(), equal, services.size());
  fmt::print("straightforward  {:8.2f} examples/s\n", n / their_seconds);
  fmt::print("citer collect    {:8.2f} examples/s, {:.1f} times\n", n / our_seconds,
             their_seconds / our_seconds);
}

}  // namespace
}  // namespace citer

int main(int argc, char** argv) {
  citer::Flags flags;
  flags.service.context.sequences = 16;
  flags.collect.out = "bench-collect.gguf";
  flags.collect.positions = 0;
  std::vector<std::string> data;
  CLI::App app("Collection beside the straightforward way");
  app.add_option("--slm", flags.pair.slm.path, "The SLM's GGUF file")->required();
  app.add_option("--llm", flags.pair.llm.path, "The LLM's GGUF file")->required();
  app.add_option("--data", data, "Datasets with reference texts")->required();
  app.add_option("--limit", flags.collect.dataset.limit, "Examples of each (0: all)");
  app.add_option("--workers", flags.workers, "Decoders side by side (0: one a CPU thread)");
  app.add_option("--parallel", flags.service.context.sequences, "Sequences of a decoder");
  app.add_flag("--afresh", flags.afresh, "Keep no cache along the reference");
  CLI11_PARSE(app, argc, argv);
  try {
    flags.collect.data.assign(data.begin(), data.end());
    citer::run(flags);
  } catch (const std::exception& e) {
    fmt::print(stderr, "citer-bench-collect: {}\n", e.what());
    return 1;
  }
  return 0;
}
