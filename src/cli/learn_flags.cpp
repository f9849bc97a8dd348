#include "cli/learn_flags.h"

#include <CLI/CLI.hpp>

#include <fmt/format.h>

#include "citer/error.h"
#include "cli/flags.h"

namespace citer::cli {

void add_workers_flag(CLI::App& app, int& workers) {
  app.add_option("--workers", workers,
                 "Decoders that run side by side (0: as many as the CPU has threads for)")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
}

void CollectFlags::add_to(CLI::App& app) {
  app.add_option("--data", data_,
                 "Datasets with reference texts (default: the bundled training files)");
  app.add_option("--limit", options_.dataset.limit,
                 "Only the first so many examples of each (0: all)")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--template", options_.dataset.prompt_template,
                 "Prompt template with {question} and {choices}");
  app.add_option("--reference", reference_,
                 "Text along which positions are labelled: data (the dataset's) or llm (the LLM's "
                 "own answer where it is right)")
      ->capture_default_str();
  app.add_option("--states", states_,
                 "reference, or policy: label the positions of what the policy itself writes")
      ->capture_default_str();
  app.add_option("--labels", labels_,
                 "outcome (both tokens tried wherever the models disagree), teacher (what the LLM "
                 "gives the SLM's token beside its own; none is tried), reward (only where both "
                 "miss the reference), paper (there, the SLM's token alone)")
      ->capture_default_str();
  app.add_option("--judge", judge_,
                 "What continuations are judged by: answer (the dataset's), agreement (the answer "
                 "that the LLM's own text comes to), llm (the LLM compares them), or command")
      ->capture_default_str();
  app.add_option("--judge-command", options_.command,
                 "Shell command for --judge command: gets {id, prompt, gold, text} as JSON, ends "
                 "with status 0 (right) or 1 (wrong)");
  app.add_option(
      "--continue", continue_by_,
      "Who goes on from a token that is tried: llm, or policy (the SLM, later the router "
      "of the round before). Default: llm in the first round, then policy");
  app.add_option("--positions", options_.positions,
                 "Positions of a text that are rolled out, chosen where they teach most (0: all)")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--rollout-tokens", options_.rollout_tokens,
                 "Ends the collection after rollouts of so many tokens (0: any number)")
      ->check(CLI::NonNegativeNumber);
  app.add_flag("--slm-answers", options_.slm_answers,
               "Also judge what the SLM writes alone, for train --policy query");
  app.add_option("--cost-weight", options_.cost_weight,
                 "What a continuation written by the LLM alone would lose of a right answer's 1")
      ->capture_default_str();
  app.add_option("--rollouts", options_.rollouts, "Continuations per token tried; above 1 sampled")
      ->capture_default_str();
  app.add_option("--rollout-temp", options_.temperature, "Temperature of several rollouts")
      ->capture_default_str();
  app.add_option("--rollout-seed", options_.seed, "Seed of several rollouts");
  app.add_option("-n,--predict", options_.max_tokens, "Tokens of an answer at most")
      ->capture_default_str();
  add_stop_flag(app, options_.stop);
}

CollectOptions CollectFlags::options() const {
  CollectOptions options = options_;
  options.data.assign(data_.begin(), data_.end());
  if (data_.empty()) {
    options.data = {bundled_model("data/math.train.jsonl"), bundled_model("data/mc.train.jsonl")};
  }
  options.labels = label_rule(labels_);
  options.judge = outcome_rule(judge_);
  if (!continue_by_.empty()) options.continue_by = continue_by(continue_by_);
  if (reference_ != "data" && reference_ != "llm") {
    throw UsageError(fmt::format("--reference: expected data or llm, found '{}'", reference_));
  }
  if (states_ != "reference" && states_ != "policy") {
    throw UsageError(fmt::format("--states: expected reference or policy, found '{}'", states_));
  }
  options.states = states_ == "policy" ? StateSource::kPolicy
                   : reference_ == "llm" || options.judge == OutcomeRule::kAgreement
                       ? StateSource::kLlm
                       : StateSource::kReference;
  return options;
}

void TrainFlags::add_to(CLI::App& app) {
  app.add_option("--valid", valid_,
                 "Datasets to calibrate on (default: with the bundled pair its validation files, "
                 "else a fifth of the training data, which is then not trained on)");
  app.add_option("--features", features_, "hidden, confidence, or hidden+confidence")
      ->capture_default_str();
  app.add_flag("--linear", train_.linear, "Logistic regression in place of the paper's MLP");
  app.add_option("--type", type_, "Storage of the router's matrices: f32, f16 or q8_0")
      ->capture_default_str();
  app.add_option("--epochs", train_.epochs, "Epochs at most")->capture_default_str();
  app.add_option("--patience", train_.patience, "Epochs without improvement before it ends")
      ->capture_default_str();
  app.add_option("--batch", train_.batch, "Rows of a step")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--learning-rate", train_.learning_rate, "AdamW's alpha")->capture_default_str();
  app.add_option("--weight-decay", train_.weight_decay, "AdamW's decay")->capture_default_str();
  app.add_option("--dropout", train_.dropout, "Share of hidden units dropped")
      ->capture_default_str()
      ->check(CLI::Range(0.0, 0.9));
  app.add_option("--most-weight", train_.most_weight,
                 "How many times heavier a row for the LLM may weigh")
      ->capture_default_str();
  app.add_option("--folds", train_.folds, "One example in so many is held out")
      ->capture_default_str();
  add_promise_flags(app, promised_);
  app_ = &app;
  app.add_option("-s,--seed", train_.seed, "Seed")->capture_default_str();
  add_sampling_flags(app, sampling_);
}

TrainOptions TrainFlags::train_options() const {
  TrainOptions options = train_;
  options.features = router_features(features_);
  if (type_ == "f32") {
    options.weights = RouterWeights::kF32;
  } else if (type_ == "q8_0") {
    options.weights = RouterWeights::kQ80;
  } else if (type_ != "f16") {
    throw UsageError(fmt::format("--type: expected f32, f16 or q8_0, found '{}'", type_));
  }
  return options;
}

CalibrateOptions TrainFlags::calibrate_options() const {
  CalibrateOptions options;
  if (app_->count("--accuracy") > 0) options.promise = promised_;
  options.data.assign(valid_.begin(), valid_.end());
  if (options.data.empty()) {
    options.data = bundled_validation_data();
  }
  options.sampling = sampling_;
  options.sampling.seed = train_.seed;
  return options;
}

std::vector<std::filesystem::path> bundled_validation_data() {
  return {bundled_model("data/math.valid.jsonl"), bundled_model("data/mc.valid.jsonl")};
}

ServiceOptions learn_service(const ModelFlags& model) {
  constexpr int kSequences = 16;
  return model.service_options(kSequences);
}

}  // namespace citer::cli
