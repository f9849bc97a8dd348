#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "engine/models.h"
#include "learn/preferences.h"
#include "model/context.h"
#include "model/fingerprint.h"
#include "model/gguf_file.h"
#include "model/model.h"
#include "model/vocab_match.h"
#include "route/router.h"

namespace citer::cli {

namespace {

struct InspectFlags {
  std::vector<std::string> files;
  bool metadata = false;
};

std::string megabytes(std::uint64_t bytes) {
  return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / (1 << 20));
}

void print_summary(const std::string& path, const GgufSummary& summary, bool metadata) {
  std::string types;
  for (const auto& [type, count] : summary.types) {
    types += fmt::format("{}{} x {}", types.empty() ? "" : ", ", count, type);
  }
  fmt::print("{}\n", path);
  fmt::print("  architecture  {}\n", summary.architecture.empty() ? "?" : summary.architecture);
  fmt::print("  name          {}\n", summary.name.empty() ? "-" : summary.name);
  fmt::print("  parameters    {} in {} tensors ({})\n", summary.parameters, summary.tensors, types);
  fmt::print("  file          {}\n", megabytes(summary.file_bytes));
  if (!metadata) return;
  for (const auto& [key, value] : summary.metadata) {
    std::string shown = value;
    std::replace(shown.begin(), shown.end(), '\n', ' ');
    fmt::print("  {} = {}\n", key, shown);
  }
}

std::string memory_text(const Model& model) {
  switch (model.memory()) {
    case MemoryKind::kState:
      return "a recurrent state; rolls back to checkpoints";
    case MemoryKind::kWindow:
      return fmt::format("keys and values, in some layers of the last {} tokens", model.window());
    case MemoryKind::kEveryToken:
      break;
  }
  return "keys and values of every token";
}

int context_of(const Model& model) { return choose_context_size(model.trained_context(), {}); }

/// With one whole context.
std::uint64_t memory_bytes(const Model& model) {
  return bytes_with_context(facts_of(model), context_of(model));
}

void print_model(const Model& model) {
  const Vocab& vocab = model.vocab();
  fmt::print("  model         {}, n_embd {}, trained for {} tokens\n", model.description(),
             model.n_embd(), model.trained_context());
  fmt::print("  vocabulary    {} tokens\n", vocab.size());
  fmt::print("  chat template {}\n", model.chat_template().empty() ? "no" : "yes");
  fmt::print("  memory        {}\n", memory_text(model));
  fmt::print("  takes         {}: weights, and {:.1f} KiB for each of {} tokens\n",
             megabytes(memory_bytes(model)),
             static_cast<double>(model.cache_bytes_per_token()) / 1024, context_of(model));
}

void print_identity(const char* role, const ModelIdentity& model) {
  fmt::print("  {:<13} {} (fingerprint {})\n", role, model.name,
             fingerprint_text(model.fingerprint));
}

/// What promises are made of: right answers of the LLM, and how many of them routing has wrong.
void print_evidence(const RouterInfo& info) {
  for (const TaskEvidence& task : info.evidence) {
    fmt::print("  harms         of {} right answers of the LLM to {}: {}\n", task.examples,
               task.task, fmt::join(task.harms, ", "));
  }
}

/// Whether the score keeps its word: on the examples held out in training.
void print_reliability(const RouterInfo& info) {
  if (info.reliability.empty()) return;
  fmt::print("      least scores  say on average  labels say so of\n");
  for (const ReliabilityBin& bin : info.reliability) {
    fmt::print("      to {:7.1f} % {:15.1f} % {:15.1f} %\n", 100 * bin.share, 100 * bin.score,
               100 * bin.outcome);
  }
}

void print_router(const Router& router) {
  const RouterInfo& info = router.info;
  std::string shape = std::to_string(router.mlp.front().n_in);
  for (const DenseLayer& layer : router.mlp) shape += fmt::format(" -> {}", layer.n_out);
  fmt::print("  policy        {}, {} features, {}\n", info.policy, to_string(info.features), shape);
  print_identity("SLM", info.slm);
  print_identity("LLM", info.llm);
  fmt::print("  trained       {} round(s) on {}\n", info.rounds, info.data);
  if (!info.chat_format.empty()) fmt::print("  prompts       {}\n", info.chat_format);
  for (const auto& [name, value] : info.metrics) fmt::print("  {:<13} {:.4f}\n", name, value);
  print_reliability(info);
  if (info.calibration.empty()) return;
  fmt::print(
      "  calibration   {} examples, SLM alone {:.1f} %, LLM alone {:.1f} %, default threshold "
      "{:.4f}\n",
      info.calibration_examples, 100 * info.slm_accuracy, 100 * info.llm_accuracy,
      default_threshold(info));
  if (info.promise) fmt::print("  promise       {}\n", promise_text(*info.promise));
  print_evidence(info);
  fmt::print("      threshold  LLM share  accuracy  LLM passes/token\n");
  for (const CalibrationPoint& point : info.calibration) {
    fmt::print("  {:13.6f} {:8.1f} % {:7.1f} % {:17.3f}\n", point.threshold, 100 * point.llm_share,
               100 * point.accuracy, point.llm_passes);
  }
}

void print_preferences(const Preferences& preferences) {
  const PreferencesInfo& info = preferences.info;
  fmt::print("  preferences   {} positions of {} examples, {}\n", preferences.size(),
             preferences.examples.size(), labels_text(preferences));
  const std::string rollouts =
      info.labels == LabelRule::kTeacher
          ? ""
          : fmt::format("judged by {}, continued by {}, ", to_string(info.judge),
                        to_string(info.continued_by));
  fmt::print("  labels        {}, states of {}, {}round {}\n", to_string(info.labels),
             to_string(info.states), rollouts, info.round);
  for (const auto& [source, what] : {std::pair{LabelSource::kAgreement, "both models agree"},
                                     std::pair{LabelSource::kShortcut, "by the reference"},
                                     std::pair{LabelSource::kTeacher, "by the LLM's view"},
                                     std::pair{LabelSource::kRollout, "by rollouts"},
                                     std::pair{LabelSource::kNotChosen, "not rolled out"},
                                     std::pair{LabelSource::kCut, "a rollout was cut off"}}) {
    const LabelTally tally = tally_of(preferences, source);
    if (tally.positions == 0) continue;
    fmt::print("      {:<22} {:8} positions, LLM preferred at {}\n", what, tally.positions,
               tally.prefer_llm);
  }
  print_identity("SLM", info.slm);
  print_identity("LLM", info.llm);
  fmt::print("  data          {}\n", info.data);
  if (!info.chat_format.empty()) fmt::print("  prompts       {}\n", info.chat_format);
}

int run_inspect(const InspectFlags& flags) {
  if (flags.files.empty()) throw UsageError("inspect: name a GGUF file");
  std::vector<std::shared_ptr<Model>> models;
  for (const std::string& path : flags.files) {
    const GgufSummary summary = read_gguf_summary(path);
    print_summary(path, summary, flags.metadata);
    if (summary.architecture == kRouterArchitecture) {
      print_router(load_router(path));
      continue;
    }
    if (summary.architecture == kPreferencesArchitecture) {
      print_preferences(load_preferences(path));
      continue;
    }
    models.push_back(Model::load({.path = path, .devices = "none"}));
    print_model(*models.back());
  }
  if (models.size() != 2) return 0;
  const VocabMatch match = match_vocabs(models[0]->vocab(), models[1]->vocab());
  if (!match.is_pair()) {
    const bool is_in_order = models[0]->parameters() <= models[1]->parameters();
    const Model& slm = *models[is_in_order ? 0 : 1];
    const Model& llm = *models[is_in_order ? 1 : 0];
    const std::string fault = text_fault(slm.vocab(), llm.vocab());
    if (fault.empty()) {
      fmt::print("a pair by text, for plain routing: the vocabularies differ: {}\n", match.text());
      return 0;
    }
    fmt::print("no pair: the vocabularies differ: {}; {}\n", match.text(), fault);
    return 1;
  }
  const double factor =
      static_cast<double>(models[1]->parameters()) / static_cast<double>(models[0]->parameters());
  fmt::print("a pair: same vocabulary; the {} has {:.1f}x the parameters\n",
             factor >= 1 ? "second" : "first", std::max(factor, 1 / factor));
  fmt::print("  together they take {}\n",
             megabytes(memory_bytes(*models[0]) + memory_bytes(*models[1])));
  if (!match.harmless.empty()) fmt::print("  differences that do not matter: {}\n", match.harmless);
  return 0;
}

}  // namespace

Run add_inspect(CLI::App& app) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command =
      app.add_subcommand("inspect",
                         "Say what a GGUF file (model, router, preferences) is, and whether "
                         "two models make a pair");
  command->add_option("files", flags->files, "GGUF files");
  command->add_flag("--metadata", flags->metadata, "Print all metadata");
  return [flags] { return run_inspect(*flags); };
}

}  // namespace citer::cli
