#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <map>

#include "base/file.h"
#include "checkpoint.h"
#include "citer/error.h"
#include "dataset.h"
#include "gguf_writer.h"
#include "report.h"
#include "trainer.h"

namespace {

using namespace citer::demo;

constexpr std::uint64_t kSeed = 20260;

const std::map<std::string, Role> kRoles = {{"slm", Role::kSlm}, {"llm", Role::kLlm}};
const std::map<std::string, WeightType> kTypes = {
    {"f32", WeightType::kF32}, {"f16", WeightType::kF16}, {"q8_0", WeightType::kQ8}};

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

struct Paths {
  std::string vocabulary = "vocab.txt";
  std::string data = "data";
  std::string checkpoint;
  std::string out;
};

void add_vocab(CLI::App& app, Paths& paths) {
  CLI::App* command = app.add_subcommand("vocab", "Write the vocabulary of the generator's words");
  command->add_option("--out", paths.out, "File to write")->required();
  command->callback([&paths] {
    const Vocabulary vocabulary = Vocabulary::from_words(generator_words());
    vocabulary.save(paths.out);
    print(fmt::format("{}: {} tokens", paths.out, vocabulary.size()));
  });
}

void add_data(CLI::App& app, Paths& paths, DatasetSizes& sizes, std::uint64_t& seed) {
  CLI::App* command = app.add_subcommand("data", "Write the train, valid and test files");
  command->add_option("--out", paths.out, "Directory to write to")->required();
  command->add_option("--math-train", sizes.math_train, "math problems to train on");
  command->add_option("--math-valid", sizes.math_valid, "math problems to validate on");
  command->add_option("--math-test", sizes.math_test, "math problems to test on");
  command->add_option("--mc-valid", sizes.mc_valid, "mc questions to validate on");
  command->add_option("--mc-test", sizes.mc_test, "mc questions to test on");
  command->add_option("--seed", seed, "Seed");
  command->callback([&] { write_datasets(paths.out, sizes, seed); });
}

/// Options left at -1 keep the bundled pair's setting.
struct Overrides {
  long steps = -1;
  int batch_tokens = -1;
  int threads = -1;
  int embed = -1;
  int layers = -1;
  int heads = -1;
  int ff = -1;
  std::vector<int> mix;
};

template <class T, class U>
void override_with(T& setting, U value) {
  if (value >= 0) setting = static_cast<T>(value);
}

void run_training(Role role, const Paths& paths, const Overrides& change, std::uint64_t seed) {
  TrainOptions options = bundled_options(role);
  override_with(options.steps, change.steps);
  override_with(options.batch_tokens, change.batch_tokens);
  override_with(options.threads, change.threads);
  override_with(options.shape.embed, change.embed);
  override_with(options.shape.layers, change.layers);
  override_with(options.shape.heads, change.heads);
  override_with(options.shape.ff, change.ff);
  if (!change.mix.empty()) {
    options.first_mix = {change.mix[0], change.mix[1], change.mix[2], change.mix[3]};
    options.second_mix = options.first_mix;
  }
  options.seed = seed;
  const Vocabulary vocabulary = Vocabulary::load(paths.vocabulary);
  options.shape.vocab = vocabulary.size();
  const HeldOut held_out = load_held_out(paths.data);
  const Corpus corpus(role, vocabulary, held_out, seed);
  train(options, corpus, paths.checkpoint, print);
}

void add_train(CLI::App& app, Paths& paths, Role& role, Overrides& change, std::uint64_t& seed) {
  CLI::App* command = app.add_subcommand("train", "Train a model, or resume its checkpoint");
  command->add_option("role", role, "slm or llm")
      ->required()
      ->transform(CLI::CheckedTransformer(kRoles));
  command->add_option("--vocab", paths.vocabulary, "Vocabulary file");
  command->add_option("--data", paths.data, "Directory of the held-out problems");
  command->add_option("--checkpoint", paths.checkpoint, "File to write and resume")->required();
  command->add_option("--steps", change.steps, "Optimiser steps");
  command->add_option("--batch-tokens", change.batch_tokens, "Tokens per step");
  command->add_option("-t,--threads", change.threads, "Threads (the result depends on it)");
  command->add_option("--embed", change.embed, "Width");
  command->add_option("--layers", change.layers, "Layers");
  command->add_option("--heads", change.heads, "Heads");
  command->add_option("--ff", change.ff, "Width of the feed-forward layer");
  command->add_option("--mix", change.mix, "Weights of math, mc, drill and profile documents")
      ->expected(4)
      ->delimiter(',');
  command->add_option("--seed", seed, "Seed");
  command->callback([&] { run_training(role, paths, change, seed); });
}

void add_gguf(CLI::App& app, Paths& paths, WeightType& type, std::string& name) {
  CLI::App* command = app.add_subcommand("gguf", "Write a checkpoint's model as GGUF");
  command->add_option("--checkpoint", paths.checkpoint, "Checkpoint")->required();
  command->add_option("--vocab", paths.vocabulary, "Vocabulary file");
  command->add_option("--name", name, "general.name")->required();
  command->add_option("--type", type, "f32, f16 or q8_0")
      ->transform(CLI::CheckedTransformer(kTypes));
  command->add_option("--out", paths.out, "File to write")->required();
  command->callback([&] {
    const Checkpoint checkpoint = load_checkpoint(paths.checkpoint);
    write_gguf(paths.out, name, checkpoint.shape, checkpoint.weights,
               Vocabulary::load(paths.vocabulary), type);
  });
}

void add_report(CLI::App& app, ReportOptions& options, std::string& json) {
  CLI::App* command = app.add_subcommand("report", "Measure the pair on the test files");
  command->add_option("--slm", options.slm, "SLM's GGUF")->required();
  command->add_option("--llm", options.llm, "LLM's GGUF")->required();
  command->add_option("--data", options.data, "Directory of the test files")->required();
  command->add_option("--limit", options.limit, "Examples per task; 0: all");
  command->add_option("--thresholds", options.thresholds, "Thresholds of the policy maxprob")
      ->delimiter(',');
  command->add_option("--json", json, "File to write the counters to");
  command->callback([&] {
    const Report report =
        measure(options, [](const std::string& line) { fmt::print(stderr, "{}\n", line); });
    fmt::print("{}", to_markdown(report));
    if (!json.empty()) citer::write_file(json, to_json(report));
  });
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Makes citer's bundled pair of models: vocabulary, data, training, GGUF");
  app.require_subcommand(1);
  Paths paths;
  DatasetSizes sizes;
  Overrides change;
  Role role = Role::kLlm;
  WeightType type = WeightType::kF32;
  std::string name;
  std::uint64_t seed = kSeed;
  add_vocab(app, paths);
  add_data(app, paths, sizes, seed);
  add_train(app, paths, role, change, seed);
  add_gguf(app, paths, type, name);
  ReportOptions report;
  std::string json;
  add_report(app, report, json);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "citer-demo: %s\n", e.what());
    return 1;
  }
  return 0;
}
