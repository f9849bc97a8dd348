#pragma once

// Flags of collect and train.

#include <filesystem>
#include <string>
#include <vector>

#include "citer/training.h"
#include "cli/flags.h"
#include "learn/preferences.h"

namespace CLI {
class App;
}

namespace citer::cli {

/// Which texts are labelled and how.
class CollectFlags {
 public:
  void add_to(CLI::App& app);
  CollectOptions options() const;
  /// Whether datasets are given.
  bool has_data() const { return !data_.empty(); }

 private:
  CollectOptions options_;
  std::vector<std::string> data_;
  std::string reference_ = "data";
  std::string states_ = "reference";
  std::string labels_ = to_string(LabelRule::kOutcome);
  std::string judge_ = to_string(OutcomeRule::kAnswer);
  std::string continue_by_;
};

/// How the MLP is fitted and calibrated.
class TrainFlags {
 public:
  void add_to(CLI::App& app);
  TrainOptions train_options() const;
  CalibrateOptions calibrate_options() const;
  /// Whether data to calibrate on are given.
  bool has_validation_data() const { return !valid_.empty(); }

 private:
  TrainOptions train_;
  SamplingOptions sampling_;
  PromiseOptions promised_;
  CLI::App* app_ = nullptr;
  std::vector<std::string> valid_;
  std::string features_ = to_string(TrainOptions{}.features);
  std::string type_ = "f16";
};

/// The bundled pair's validation files.
std::vector<std::filesystem::path> bundled_validation_data();

/// --workers: how many decoders run side by side.
void add_workers_flag(CLI::App& app, int& workers);

/// The services that collection, training and calibration run on.
ServiceOptions learn_service(const ModelFlags& model);

}  // namespace citer::cli
