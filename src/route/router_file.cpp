#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "citer/error.h"
#include "model/gguf_data.h"
#include "route/router.h"
#include "route/router_runner.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kFormatVersion = 1;

std::string layer_name(std::size_t layer, const char* part) {
  return fmt::format("mlp.{}.{}", layer, part);
}

template <class Row>
std::vector<double> column(const std::vector<Row>& table, double Row::*field) {
  std::vector<double> values;
  values.reserve(table.size());
  for (const Row& row : table) values.push_back(row.*field);
  return values;
}

/// A threshold of none is 2, above every score; examples needed of none are 0.
constexpr double kNoThreshold = 2.0;

void write_promise(GgufWriter& file, const Promise& promise) {
  file.set("citer.promise.accuracy", promise.asked.accuracy);
  file.set("citer.promise.confidence", promise.asked.confidence);
  file.set("citer.promise.threshold", promise.threshold.value_or(kNoThreshold));
  file.set("citer.promise.examples", std::int64_t{promise.examples});
  file.set("citer.promise.harms", std::int64_t{promise.harms});
  file.set("citer.promise.needed", std::int64_t{promise.needed.value_or(0)});
  file.set("citer.promise.task", promise.task);
}

std::optional<Promise> read_promise(const GgufReader& file) {
  if (!file.has("citer.promise.accuracy")) return std::nullopt;
  Promise promise;
  promise.asked = {file.number("citer.promise.accuracy"), file.number("citer.promise.confidence")};
  const double threshold = file.number("citer.promise.threshold");
  if (threshold <= 1) promise.threshold = threshold;
  promise.examples = static_cast<int>(file.integer("citer.promise.examples"));
  promise.harms = static_cast<int>(file.integer("citer.promise.harms"));
  const auto needed = static_cast<int>(file.integer("citer.promise.needed"));
  if (needed > 0) promise.needed = needed;
  if (file.has("citer.promise.task")) promise.task = file.text("citer.promise.task");
  return promise;
}

template <typename Count>
void append(std::vector<double>& values, const std::vector<Count>& counts) {
  values.insert(values.end(), counts.begin(), counts.end());
}

void write_evidence(GgufWriter& file, const RouterInfo& info) {
  std::vector<std::string> tasks;
  std::vector<double> examples;
  std::vector<double> harms;
  for (const TaskEvidence& task : info.evidence) {
    tasks.push_back(task.task);
    examples.push_back(task.examples);
    append(harms, task.harms);
  }
  file.set("citer.evidence.tasks", tasks);
  file.set("citer.evidence.examples", examples);
  file.set("citer.evidence.harms", harms);
  std::vector<double> answers;
  for (const Disagreements& counts : info.disagreements) append(answers, counts);
  file.set("citer.evidence.disagreements", answers);
}

/// Counts of a table. Throws unless each is a whole number of examples.
std::vector<int> counts_of(const fs::path& path, const GgufReader& file, const std::string& key) {
  constexpr double kMost = 1e9;
  std::vector<int> counts;
  for (const double value : file.numbers(key)) {
    if (!(value >= 0 && value <= kMost) || value != std::floor(value)) {
      throw InputError(fmt::format("{}: {}: expected whole numbers up to {:g}, found {}",
                                   path.string(), key, kMost, value));
    }
    counts.push_back(static_cast<int>(value));
  }
  return counts;
}

void write_info(GgufWriter& file, const RouterInfo& info) {
  file.set("general.name", fmt::format("{} router for {}", info.policy, info.slm.name));
  file.set("citer.format_version", kFormatVersion);
  file.set("citer.policy", info.policy);
  file.set("citer.features", std::string(to_string(info.features)));
  file.set("citer.n_embd", std::int64_t{info.n_embd});
  file.set("citer.slm.name", info.slm.name);
  file.set_hash("citer.slm.fingerprint", info.slm.fingerprint);
  file.set("citer.llm.name", info.llm.name);
  file.set_hash("citer.llm.fingerprint", info.llm.fingerprint);
  file.set("citer.rounds", std::int64_t{info.rounds});
  file.set("citer.data", info.data);
  if (!info.chat_format.empty()) file.set("citer.chat_format", info.chat_format);
  file.set("citer.identity", info.identity);
  std::vector<std::string> names;
  std::vector<double> values;
  for (const auto& [name, value] : info.metrics) {
    names.push_back(name);
    values.push_back(value);
  }
  file.set("citer.metrics.names", names);
  file.set("citer.metrics.values", values);
  if (!info.reliability.empty()) {
    file.set("citer.reliability.share", column(info.reliability, &ReliabilityBin::share));
    file.set("citer.reliability.score", column(info.reliability, &ReliabilityBin::score));
    file.set("citer.reliability.outcome", column(info.reliability, &ReliabilityBin::outcome));
  }
  const auto& curve = info.calibration;
  file.set("citer.calibration.threshold", column(curve, &CalibrationPoint::threshold));
  file.set("citer.calibration.llm_share", column(curve, &CalibrationPoint::llm_share));
  file.set("citer.calibration.accuracy", column(curve, &CalibrationPoint::accuracy));
  file.set("citer.calibration.llm_passes", column(curve, &CalibrationPoint::llm_passes));
  file.set("citer.calibration.examples", std::int64_t{info.calibration_examples});
  file.set("citer.calibration.slm_accuracy", info.slm_accuracy);
  file.set("citer.calibration.llm_accuracy", info.llm_accuracy);
  if (!info.evidence.empty()) write_evidence(file, info);
  if (info.promise) write_promise(file, *info.promise);
}

/// Throws unless all parts of one table have the same length.
void check_lengths(const fs::path& path, const char* what, std::size_t a, std::size_t b) {
  if (a == b) return;
  throw InputError(fmt::format("{}: {}: arrays of {} and {} entries, expected equal", path.string(),
                               what, a, b));
}

/// Files of before have none.
void read_evidence(const fs::path& path, const GgufReader& file, RouterInfo& info) {
  if (!file.has("citer.evidence.tasks")) return;
  const std::size_t thresholds = info.calibration.size();
  const auto tasks = file.texts("citer.evidence.tasks");
  const auto examples = counts_of(path, file, "citer.evidence.examples");
  const auto harms = counts_of(path, file, "citer.evidence.harms");
  check_lengths(path, "citer.evidence", tasks.size(), examples.size());
  check_lengths(path, "citer.evidence.harms", tasks.size() * thresholds, harms.size());
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto first = harms.begin() + static_cast<std::ptrdiff_t>(i * thresholds);
    info.evidence.push_back(
        {tasks[i], examples[i], {first, first + static_cast<std::ptrdiff_t>(thresholds)}});
  }
  const auto answers = counts_of(path, file, "citer.evidence.disagreements");
  check_lengths(path, "citer.evidence.disagreements", thresholds * kDisagreementBins,
                answers.size());
  for (auto first = answers.begin(); first != answers.end(); first += kDisagreementBins) {
    info.disagreements.emplace_back(first, first + kDisagreementBins);
  }
}

/// Files of before have none.
void read_reliability(const fs::path& path, const GgufReader& file, RouterInfo& info) {
  if (!file.has("citer.reliability.share")) return;
  const auto shares = file.numbers("citer.reliability.share");
  const auto scores = file.numbers("citer.reliability.score");
  const auto outcomes = file.numbers("citer.reliability.outcome");
  check_lengths(path, "citer.reliability", shares.size(), scores.size());
  check_lengths(path, "citer.reliability", shares.size(), outcomes.size());
  for (std::size_t i = 0; i < shares.size(); ++i) {
    info.reliability.push_back({shares[i], scores[i], outcomes[i]});
  }
}

RouterInfo read_info(const fs::path& path, const GgufReader& file) {
  const std::int64_t version = file.integer("citer.format_version");
  if (version != kFormatVersion) {
    throw InputError(
        fmt::format("{}: router format {}, expected {}", path.string(), version, kFormatVersion));
  }
  RouterInfo info;
  info.policy = file.text("citer.policy");
  info.features = router_features(file.text("citer.features"));
  info.n_embd = static_cast<int>(file.integer("citer.n_embd"));
  info.slm = {file.text("citer.slm.name"), file.hash("citer.slm.fingerprint")};
  info.llm = {file.text("citer.llm.name"), file.hash("citer.llm.fingerprint")};
  info.rounds = static_cast<int>(file.integer("citer.rounds"));
  info.data = file.text("citer.data");
  // Files of before have no format.
  if (file.has("citer.chat_format")) info.chat_format = file.text("citer.chat_format");
  info.identity = file.text("citer.identity");
  const auto names = file.texts("citer.metrics.names");
  const auto values = file.numbers("citer.metrics.values");
  check_lengths(path, "citer.metrics", names.size(), values.size());
  for (std::size_t i = 0; i < names.size(); ++i) info.metrics[names[i]] = values[i];
  read_reliability(path, file, info);
  const auto thresholds = file.numbers("citer.calibration.threshold");
  const auto shares = file.numbers("citer.calibration.llm_share");
  const auto accuracies = file.numbers("citer.calibration.accuracy");
  const auto passes = file.numbers("citer.calibration.llm_passes");
  for (const auto* list : {&shares, &accuracies, &passes}) {
    check_lengths(path, "citer.calibration", thresholds.size(), list->size());
  }
  for (std::size_t i = 0; i < thresholds.size(); ++i) {
    info.calibration.push_back({thresholds[i], shares[i], accuracies[i], passes[i]});
  }
  if (file.has("citer.calibration.examples")) {  // files of before do not have it
    info.calibration_examples = static_cast<int>(file.integer("citer.calibration.examples"));
  }
  info.slm_accuracy = file.number("citer.calibration.slm_accuracy");
  info.llm_accuracy = file.number("citer.calibration.llm_accuracy");
  read_evidence(path, file, info);
  info.promise = read_promise(file);
  return info;
}

/// Layers until one is missing; each must take what the one before gives, and the last give one.
RouterMlp read_layers(const fs::path& path, const GgufReader& file, int n_features) {
  RouterMlp mlp;
  std::int64_t width = n_features;
  while (file.has_tensor(layer_name(mlp.size(), "weight"))) {
    const std::string name = layer_name(mlp.size(), "weight");
    const auto [n_in, n_out] = file.shape(name);
    DenseLayer layer{static_cast<int>(n_in), static_cast<int>(n_out), file.floats(name),
                     file.floats(layer_name(mlp.size(), "bias"))};
    if (n_in != width || static_cast<std::int64_t>(layer.bias.size()) != n_out) {
      throw InputError(fmt::format("{}: '{}' is {} x {} with {} biases, expected {} inputs",
                                   path.string(), name, n_in, n_out, layer.bias.size(), width));
    }
    for (const auto* part : {&layer.weight, &layer.bias}) {
      if (std::all_of(part->begin(), part->end(), [](float v) { return std::isfinite(v); })) {
        continue;
      }
      throw InputError(fmt::format("{}: '{}' has values that are not finite", path.string(), name));
    }
    width = n_out;
    mlp.push_back(std::move(layer));
  }
  if (mlp.empty() || width != 1) {
    throw InputError(
        fmt::format("{}: expected layers that end in one output, found {} that end in "
                    "{}",
                    path.string(), mlp.size(), width));
  }
  return mlp;
}

}  // namespace

Router load_router(const fs::path& path) {
  const GgufReader file(path, kRouterArchitecture);
  Router router;
  try {
    router.info = read_info(path, file);
  } catch (const UsageError& e) {
    throw InputError(fmt::format("{}: {}", path.string(), e.what()));
  }
  const ggml_type type = file.type(layer_name(0, "weight"));
  router.weights = type == GGML_TYPE_F32    ? RouterWeights::kF32
                   : type == GGML_TYPE_Q8_0 ? RouterWeights::kQ80
                                            : RouterWeights::kF16;
  router.mlp = read_layers(path, file, feature_count(router.info.features, router.info.n_embd));
  return router;
}

void save_router(const fs::path& path, const Router& router) {
  GgufWriter file(kRouterArchitecture);
  write_info(file, router.info);
  for (std::size_t i = 0; i < router.mlp.size(); ++i) {
    const DenseLayer& layer = router.mlp[i];
    file.add(layer_name(i, "weight"), matrix_type(router.weights, layer.n_in), layer.n_in,
             layer.weight);
    file.add(layer_name(i, "bias"), GGML_TYPE_F32, layer.n_out, layer.bias);
  }
  file.save(path);
}

}  // namespace citer
