// What a learned policy costs beside a step of its SLM: for each number of threads, sequences and
// type of weights, the medians of SLM passes of one token per sequence, each followed by scoring.
#include <CLI/CLI.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/rng.h"
#include "model/context.h"
#include "route/learned_policy.h"

namespace citer {
namespace {

struct Flags {
  std::string slm;
  std::vector<int> threads = {1, 2};
  std::vector<int> sequences = {1, 8};
  int depth = 16;
  int steps = 12;
};

/// The paper's MLP over a model's hidden states, with random weights.
Router random_router(const Model& slm, RouterWeights weights) {
  Rng rng(1);
  Router router;
  router.info.n_embd = slm.n_embd();
  router.weights = weights;
  int n_in = slm.n_embd();
  for (const int n_out : {2 * slm.n_embd(), slm.n_embd(), 1}) {
    DenseLayer layer{n_in, n_out, std::vector<float>(static_cast<std::size_t>(n_in) * n_out),
                     std::vector<float>(static_cast<std::size_t>(n_out))};
    for (float& w : layer.weight) w = static_cast<float>((rng.unit() - 0.5) / std::sqrt(n_in));
    router.mlp.push_back(std::move(layer));
    n_in = n_out;
  }
  return router;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Times `steps` passes of one token for each of `n` sequences, and the scores that follow.
void measure(ModelContext& slm, const RoutingPolicy& policy, int n, const Flags& flags,
             const std::string& name) {
  std::vector<std::vector<Token>> tokens(static_cast<std::size_t>(n));
  std::vector<int> last(tokens.size());
  std::vector<double> pass_seconds;
  std::vector<double> score_seconds;
  std::vector<PolicyInput> inputs(tokens.size());
  std::vector<double> scores(tokens.size());
  for (auto& sequence : tokens) sequence.assign(static_cast<std::size_t>(flags.depth), 5);
  for (int step = 0; step <= flags.steps; ++step) {
    std::vector<RowRequest> requests;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      tokens[i].push_back(static_cast<Token>(6 + (step + i) % 200));
      last[i] = static_cast<int>(tokens[i].size()) - 1;
      requests.push_back({static_cast<int>(i), tokens[i], {&last[i], 1}});
    }
    const double pass = slm.forward(requests, true).seconds;
    for (std::size_t i = 0; i < tokens.size(); ++i) inputs[i].slm_hidden = slm.row(i, 0).hidden;
    const auto start = std::chrono::steady_clock::now();
    policy.score(inputs, scores);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    if (step == 0) continue;  // read the prompts
    pass_seconds.push_back(pass);
    score_seconds.push_back(took.count());
  }
  const double pass = median(pass_seconds);
  const double score = median(score_seconds);
  fmt::print("{:7} {:9} {:>7} {:10.2f} {:10.3f} {:8.2f} %\n", slm.model().threads(), n, name,
             1e3 * pass, 1e3 * score, 100 * score / pass);
  std::fflush(stdout);
}

void run(const Flags& flags) {
  fmt::print("threads sequences weights    SLM ms  router ms     share\n");
  for (const int threads : flags.threads) {
    const auto model = Model::load({.path = flags.slm, .devices = "none", .threads = threads});
    for (const int n : flags.sequences) {
      ModelContext slm(model, {.context_size = flags.depth + flags.steps + 2, .sequences = n});
      for (const auto& [weights, name] :
           {std::pair{RouterWeights::kF16, "F16"}, std::pair{RouterWeights::kQ80, "Q8_0"}}) {
        slm.reset();
        const auto policy = make_learned_policy(random_router(*model, weights), *model);
        measure(slm, *policy, n, flags, name);
      }
    }
  }
}

}  // namespace
}  // namespace citer

int main(int argc, char** argv) {
  citer::Flags flags;
  CLI::App app("Cost of a learned policy beside a step of its SLM");
  app.add_option("slm", flags.slm, "The SLM's GGUF file")->required();
  app.add_option("-t,--threads", flags.threads, "Numbers of CPU threads")->delimiter(',');
  app.add_option("-n,--sequences", flags.sequences, "Numbers of sequences")->delimiter(',');
  app.add_option("--depth", flags.depth, "Tokens of a sequence before the first step");
  app.add_option("--steps", flags.steps, "Steps that are timed");
  CLI11_PARSE(app, argc, argv);
  try {
    citer::run(flags);
  } catch (const std::exception& e) {
    fmt::print(stderr, "citer-bench-router: {}\n", e.what());
    return 1;
  }
  return 0;
}
