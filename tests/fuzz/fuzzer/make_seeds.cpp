// Writes the seeds that are binary, and small: make_seeds FOLDER, once, for git.
#include <filesystem>
#include <vector>

#include "base/file.h"
#include "learn/preferences.h"
#include "route/router.h"

namespace citer {
namespace {

namespace fs = std::filesystem;

Router router(RouterWeights weights) {
  Router router;
  router.weights = weights;
  router.info.n_embd = 4;
  router.info.slm = {"small", 1};
  router.info.llm = {"large", 2};
  router.info.data = "data";
  router.info.rounds = 1;
  router.info.metrics = {{"auc", 0.75}};
  router.info.calibration = {{.threshold = 0.2, .llm_share = 0.1, .accuracy = 0.5},
                             {.threshold = 0.8, .llm_share = 0.5, .accuracy = 0.75}};
  router.info.calibration_examples = 16;
  router.info.slm_accuracy = 0.25;
  router.info.llm_accuracy = 0.75;
  router.info.promise =
      Promise{.asked = {0.98, 0.9}, .threshold = 0.8, .task = "shop", .examples = 16, .harms = 1};
  router.info.evidence = {{"shop", 16, {5, 1}}};
  router.mlp = {{.n_in = 4, .n_out = 2, .weight = std::vector<float>(8, 0.5F), .bias = {0, 1}},
                {.n_in = 2, .n_out = 1, .weight = {1, -1}, .bias = {0}}};
  return router;
}

Preferences preferences() {
  Preferences p;
  p.info.n_embd = 2;
  p.info.slm = {"small", 1};
  p.info.llm = {"large", 2};
  p.info.data = "data";
  p.info.identity = "this work";
  p.examples = {{"one", true}, {"two", std::nullopt}};
  p.hidden = HiddenStates(2);
  p.hidden.append(std::vector<float>{1, 2, 3, 4});
  p.confidence.assign(2 * kConfidenceFeatures, 0.25F);
  p.label = {1, 0};
  p.weight = {1, 2.5F};
  p.llm_gap = {0, 0.5F};
  p.slm_logprob = {-1, -2};
  p.llm_logprob = {-4, -5};
  p.example = {0, 1};
  p.position = {0, 1};
  p.slm_token = {1, 2};
  p.llm_token = {1, 4};
  p.ref_token = {1, 4};
  p.kind = {0, 1};
  p.source = {0, 2};
  return p;
}

void make(const fs::path& folder) {
  for (const char* target : {"router", "preferences", "model"}) create_folder(folder / target);
  save_router(folder / "router" / "f32.gguf", router(RouterWeights::kF32));
  save_router(folder / "router" / "f16.gguf", router(RouterWeights::kF16));
  save_preferences(folder / "preferences" / "two.gguf", preferences());
  save_router(folder / "model" / "router.gguf", router(RouterWeights::kF32));
  save_preferences(folder / "model" / "preferences.gguf", preferences());
}

}  // namespace
}  // namespace citer

int main(int /*argc*/, char** arguments) { citer::make(arguments[1]); }
