#include "learn/train.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/rng.h"
#include "citer/error.h"
#include "learn/mlp_trainer.h"
#include "learn/training_set.h"
#include "route/learned_policy.h"
#include "route/router_runner.h"

namespace citer {

namespace {

/// Mean and deviation of each feature.
struct Standard {
  std::vector<double> mean;
  std::vector<double> deviation;
};

Standard standard_of(const TrainingSet& set, const std::vector<std::size_t>& rows) {
  const auto width = static_cast<std::size_t>(set.n_features);
  Standard s{std::vector<double>(width), std::vector<double>(width)};
  std::vector<float> row(width);
  for (const std::size_t i : rows) {
    set.read(i, row);
    for (std::size_t f = 0; f < width; ++f) s.mean[f] += row[f];
  }
  const auto n = static_cast<double>(rows.size());
  for (double& m : s.mean) m /= n;
  for (const std::size_t i : rows) {
    set.read(i, row);
    for (std::size_t f = 0; f < width; ++f) {
      const double d = row[f] - s.mean[f];
      s.deviation[f] += d * d;
    }
  }
  // A feature that never varies is only centred.
  for (double& d : s.deviation) d = d > 0 ? std::sqrt(d / n) : 1.0;
  return s;
}

/// The network over raw features that does what `mlp` does over standardised ones, its output
/// raised by `shift`.
RouterMlp fold(RouterMlp mlp, const Standard& s, double shift) {
  DenseLayer& first = mlp.front();
  const auto width = static_cast<std::size_t>(first.n_in);
  for (std::size_t out = 0; out < first.bias.size(); ++out) {
    double bias = first.bias[out];
    for (std::size_t f = 0; f < width; ++f) {
      float& w = first.weight[out * width + f];
      w = static_cast<float>(w / s.deviation[f]);
      bias -= w * s.mean[f];
    }
    first.bias[out] = static_cast<float>(bias);
  }
  mlp.back().bias.front() += static_cast<float>(shift);
  return mlp;
}

/// One training at work.
class Training {
 public:
  Training(const Preferences& preferences, const TrainOptions& options);
  std::optional<Router> run(const std::function<void(const EpochReport&)>& on_epoch,
                            const std::function<bool()>& should_stop);

 private:
  void split();
  double train_epoch(MlpTrainer& trainer, double rate);
  std::vector<float> held_out_scores(const RouterMlp& mlp) const;
  EpochReport evaluate(const std::vector<float>& scores) const;
  void add_row(std::size_t i);

  const Preferences& preferences_;
  const TrainOptions& options_;
  TrainingSet set_;
  std::vector<std::size_t> train_rows_;
  std::vector<std::size_t> held_rows_;
  std::vector<float> held_wanted_, held_weight_;  ///< labels and weights of held_rows_
  Standard standard_;
  Rng rng_;

  std::vector<float> inputs_, slm_, llm_, weight_;  ///< of one batch
  std::vector<float> row_;                          ///< of one position
};

Training::Training(const Preferences& preferences, const TrainOptions& options)
    : preferences_(preferences),
      options_(options),
      set_(make_training_set(preferences, options.policy, options.features, options.most_weight)),
      rng_(options.seed) {
  split();
  standard_ = standard_of(set_, train_rows_);
}

void Training::split() {
  for (std::size_t i = 0; i < set_.size(); ++i) {
    const std::string& id = preferences_.examples[static_cast<std::size_t>(set_.example[i])].id;
    (is_held_out(id, options_.seed, options_.folds) ? held_rows_ : train_rows_).push_back(i);
  }
  if (held_rows_.empty() || train_rows_.empty()) {
    throw InputError(fmt::format("{} examples are too few to hold one in {} out",
                                 preferences_.examples.size(), options_.folds));
  }
  for (const std::size_t i : held_rows_) {
    held_wanted_.push_back(set_.wants_slm(i) ? 1.0F : 0.0F);
    held_weight_.push_back(set_.weight[i]);
  }
}

void Training::add_row(std::size_t i) {
  row_.resize(static_cast<std::size_t>(set_.n_features));
  set_.read(i, row_);
  for (std::size_t f = 0; f < row_.size(); ++f) {
    inputs_.push_back(static_cast<float>((row_[f] - standard_.mean[f]) / standard_.deviation[f]));
  }
  slm_.push_back(set_.slm[i]);
  llm_.push_back(set_.llm[i]);
  weight_.push_back(set_.weight[i] * static_cast<float>(set_.wants_slm(i) ? 1.0 : set_.llm_factor));
}

double Training::train_epoch(MlpTrainer& trainer, double rate) {
  for (std::size_t i = train_rows_.size(); i > 1; --i) {
    std::swap(
        train_rows_[i - 1],
        train_rows_[static_cast<std::size_t>(rng_.uniform(0, static_cast<std::int64_t>(i) - 1))]);
  }
  const auto batch = static_cast<std::size_t>(options_.batch);
  double loss = 0.0;
  std::size_t steps = 0;
  for (std::size_t from = 0; from < train_rows_.size(); from += batch) {
    inputs_.clear();
    slm_.clear();
    llm_.clear();
    weight_.clear();
    for (std::size_t i = from; i < std::min(from + batch, train_rows_.size()); ++i) {
      add_row(train_rows_[i]);
    }
    loss += trainer.step({inputs_, slm_, llm_, weight_}, rate);
    ++steps;
  }
  return loss / static_cast<double>(steps);
}

/// What a network over raw features says of the held-out rows, in [0, 1].
std::vector<float> Training::held_out_scores(const RouterMlp& mlp) const {
  constexpr std::size_t kBatch = 1024;
  RouterRunner runner(mlp, RouterWeights::kF32, "", std::max(1, options_.threads));
  std::vector<float> scores(held_rows_.size());
  std::vector<float> inputs;
  for (std::size_t from = 0; from < held_rows_.size(); from += kBatch) {
    const std::size_t n = std::min(kBatch, held_rows_.size() - from);
    const auto width = static_cast<std::size_t>(set_.n_features);
    inputs.resize(n * width);
    for (std::size_t i = 0; i < n; ++i) {
      set_.read(held_rows_[from + i], std::span(inputs).subspan(i * width, width));
    }
    runner.run(inputs, std::span(scores).subspan(from, n));
  }
  for (float& score : scores) {
    score = static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(score))));
  }
  return scores;
}

/// Loss and metrics of scores of the held-out rows.
EpochReport Training::evaluate(const std::vector<float>& scores) const {
  EpochReport report;
  double total = 0.0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    const std::size_t i = held_rows_[k];
    const double score = scores[k];
    const double likelihood = score * set_.slm[i] + (1.0 - score) * set_.llm[i];
    report.loss -= set_.weight[i] * std::log(std::max(likelihood, 1e-7));
    total += set_.weight[i];
  }
  report.loss /= total;
  report.metrics = score_metrics(scores, held_wanted_, held_weight_);
  return report;
}

std::optional<Router> Training::run(const std::function<void(const EpochReport&)>& on_epoch,
                                    const std::function<bool()>& should_stop) {
  const int d = set_.n_features;
  MlpTrainer trainer({.widths = options_.linear ? std::vector{d, 1} : std::vector{d, 2 * d, d, 1},
                      .batch = options_.batch,
                      .dropout = options_.dropout,
                      .learning_rate = options_.learning_rate,
                      .weight_decay = options_.weight_decay,
                      .seed = options_.seed,
                      .threads = std::max(1, options_.threads)});
  Router router;
  EpochReport best;
  std::vector<float> best_scores;
  best.loss = INFINITY;
  for (int epoch = 1; epoch <= options_.epochs && epoch - best.epoch <= options_.patience;
       ++epoch) {
    if (should_stop && should_stop()) return std::nullopt;
    // Half a cosine, from the full learning rate to a twentieth of it.
    const double part = static_cast<double>(epoch - 1) / std::max(1, options_.epochs - 1);
    const double train_loss =
        train_epoch(trainer, 0.525 + 0.475 * std::cos(part * std::acos(-1.0)));
    RouterMlp mlp = fold(trainer.mlp(), standard_, std::log(set_.llm_factor));
    std::vector<float> scores = held_out_scores(mlp);
    EpochReport report = evaluate(scores);
    report.epoch = epoch;
    report.train_loss = train_loss;
    report.best = report.loss < best.loss;
    if (report.best) {
      best = report;
      best_scores = std::move(scores);
      router.mlp = std::move(mlp);
    }
    on_epoch(report);
  }
  if (router.mlp.empty()) {
    throw InputError("no epoch has a finite held-out loss; try a lower learning rate");
  }
  RouterInfo& info = router.info;
  info.policy = options_.policy;
  info.features = options_.features;
  info.n_embd = preferences_.info.n_embd;
  info.slm = preferences_.info.slm;
  info.llm = preferences_.info.llm;
  info.rounds = preferences_.info.round;
  info.data = preferences_.info.data;
  info.chat_format = preferences_.info.chat_format;
  info.metrics = {{"epoch", static_cast<double>(best.epoch)},
                  {"loss", best.loss},
                  {"accuracy", best.metrics.accuracy},
                  {"auc", best.metrics.auc},
                  {"calibration error", best.metrics.calibration_error},
                  {"LLM row weight", set_.llm_factor}};
  info.reliability = reliability(best_scores, held_wanted_, held_weight_);
  router.weights = options_.weights;
  return router;
}

}  // namespace

void check(const TrainOptions& options) {
  if (!is_learned_policy(options.policy)) {
    throw FieldError({"policy"},
                     fmt::format("expected one of {}, found '{}'",
                                 fmt::join(learned_policy_names(), ", "), options.policy));
  }
  if (options.folds < 2) {
    throw FieldError({"folds"}, fmt::format("expected 2 or more, found {}", options.folds));
  }
  if (options.epochs < 1) {
    throw FieldError({"epochs"}, fmt::format("expected 1 or more, found {}", options.epochs));
  }
}

std::optional<Router> train_router(const Preferences& preferences, const TrainOptions& options,
                                   const std::function<void(const EpochReport&)>& on_epoch,
                                   const std::function<bool()>& should_stop) {
  check(options);
  return Training(preferences, options).run(on_epoch, should_stop);
}

}  // namespace citer
