// Trains a router for the bundled pair on a few examples, and evaluates it on a few others, into
// the folder that is named.
#include <citer/evaluation.h>
#include <citer/training.h>

#include <iostream>

namespace {

citer::PairOptions bundled_pair() {
  return {.slm = {.path = MODELS "slm.gguf"}, .llm = {.path = MODELS "llm.gguf"}};
}

citer::LearnOptions few_examples(const std::filesystem::path& folder) {
  citer::LearnOptions options;
  options.out = folder / "router.gguf";
  options.rounds = 1;
  options.collect.data = {MODELS "data/mc.train.jsonl"};
  options.collect.dataset.limit = 48;
  options.train.epochs = 3;
  options.train.folds = 4;
  options.calibrate.data = {MODELS "data/mc.valid.jsonl"};
  options.calibrate.dataset.limit = 16;
  options.calibrate.budgets = {0.1, 0.3};
  return options;
}

citer::Summary evaluate_router(const std::filesystem::path& folder) {
  citer::PairOptions pair = bundled_pair();
  pair.routers = {(folder / "router.gguf").string()};
  citer::Service service(std::make_shared<citer::Pair>(pair),
                         {.context = {.sequences = 8}, .by_times = false});
  citer::EvalOptions options;
  options.data = {MODELS "data/mc.test.jsonl"};
  options.dataset.limit = 16;
  options.policies = {"slm", "citer", "llm"};
  options.budgets = {0.3};
  options.generation.max_tokens = 128;
  options.out = folder / "report";
  return citer::evaluate(service, options).value();
}

}  // namespace

int main(int, char** arguments) try {
  const std::filesystem::path folder = arguments[1];
  const citer::Watcher watcher{.on_progress = [](const citer::ProgressReport& report) {
    std::cout << report.what << " " << report.done << "/" << report.total << '\n';
  }};
  const auto router = citer::learn_router(bundled_pair(), {.context = {.sequences = 16}},
                                          few_examples(folder), watcher);
  std::cout << "validation: SLM " << router->slm_accuracy << ", LLM " << router->llm_accuracy
            << '\n';
  const citer::Summary summary = evaluate_router(folder);
  for (const citer::RunSummary& run : summary.runs) {
    std::cout << run.setting.policy << ": accuracy " << run.accuracy.value << ", LLM share "
              << run.llm_share.value << '\n';
  }
} catch (const citer::Error& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
