#pragma once

// Where the models' weights lie, and what is added to them: llama.cpp's flags.

#include <string>
#include <vector>

#include "citer/pair.h"

namespace CLI {
class App;
}

namespace citer::cli {

class PlacementFlags {
 public:
  void add_to(CLI::App& app);
  /// Sets both models' options. Throws UsageError.
  void apply(PairOptions& options) const;

 private:
  /// What the SLM's flags (those ending in -draft) and the LLM's say apart.
  struct PerModel {
    std::vector<std::string> override_tensor;
    std::vector<std::string> lora;
    std::vector<std::string> lora_scaled;
    bool cpu_moe = false;
    int n_cpu_moe = 0;
  };
  void add_per_model(CLI::App& app, PerModel& model, const std::string& suffix);
  void apply(const PerModel& model, const std::string& suffix, ModelOptions& options) const;

  PerModel llm_;
  PerModel slm_;
  std::string fit_ = "on";
  int fit_target_ = ModelOptions{}.fit_target;
  int main_gpu_ = 0;
  std::vector<float> tensor_split_;
  std::string split_mode_ = ModelOptions{}.split_mode;
};

}  // namespace citer::cli
