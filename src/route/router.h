#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "citer/router.h"
#include "route/features.h"
#include "route/promise.h"
#include "route/promise_watch.h"

namespace citer {

/// general.architecture of a router file.
inline constexpr const char* kRouterArchitecture = "citer-router";

/// y = W x + b.
struct DenseLayer {
  int n_in = 0;
  int n_out = 0;
  std::vector<float> weight;  ///< [n_in, n_out]: the weights of one output lie together
  std::vector<float> bias;    ///< [n_out]
};

/// The paper's router: d -> 2d -> d -> 1 with ReLU between (CITER, arXiv 2502.01976, appendix B).
/// The last layer's output is a logit; the routing score is its sigmoid.
using RouterMlp = std::vector<DenseLayer>;

/// Which model file a router belongs to.
struct ModelIdentity {
  std::string name;
  std::uint64_t fingerprint = 0;  ///< file_fingerprint()

  bool operator==(const ModelIdentity&) const = default;
};

struct RouterInfo {
  /// The policy it stands for: citer, citer-s, co-llm or query.
  std::string policy = "citer";
  RouterFeatures features = RouterFeatures::kHidden;
  int n_embd = 0;  ///< of the SLM
  ModelIdentity slm;
  ModelIdentity llm;
  int rounds = 0;
  std::string data;                       ///< names of the datasets it learned from
  std::string chat_format;                ///< of its prompts, ChatFormat::name(); "": not known
  std::string identity;                   ///< everything that decided the weights, as text
  std::map<std::string, double> metrics;  ///< of the best epoch, on held-out examples
  /// Of the same, by rising score; empty: not known.
  std::vector<ReliabilityBin> reliability;
  /// By rising threshold; empty when it was never calibrated.
  std::vector<CalibrationPoint> calibration;
  int calibration_examples = 0;  ///< it was measured on; 0: not known
  double slm_accuracy = 0.0;     ///< of the SLM alone on them
  double llm_accuracy = 0.0;
  /// By dataset, at the curve's thresholds: what promises are made of. Empty: not known.
  std::vector<TaskEvidence> evidence;
  /// [curve's thresholds] of the answers there, all datasets together; empty: not known.
  std::vector<Disagreements> disagreements;
  std::optional<Promise> promise;  ///< if one was asked for
};

struct Router {
  RouterInfo info;
  RouterMlp mlp;
  RouterWeights weights = RouterWeights::kF16;
};

/// Reads a router GGUF. Throws InputError naming the file and what is wrong: missing, truncated,
/// another architecture, layers that do not fit.
Router load_router(const std::filesystem::path& path);

/// Writes it in one step.
void save_router(const std::filesystem::path& path, const Router& router);

/// The threshold of a share of LLM tokens: the curve's largest threshold with at most `budget`,
/// interpolated by logit to the next, after the last to the LLM alone. Nothing without a curve.
std::optional<double> threshold_for_budget(const RouterInfo& info, double budget);

/// The least threshold of the curve whose accuracy is `part` of the LLM's, or the most accurate
/// one; 0.5 without a curve.
double threshold_for_accuracy(const RouterInfo& info, double part);

/// The stored promise, or the one that is asked for, made of the stored evidence. Nothing where
/// there is none. Throws as check().
std::optional<Promise> promise_of(const RouterInfo& info,
                                  const std::optional<PromiseOptions>& asked);

/// Of the validation answers at a threshold of the curve; empty where they are not known.
Disagreements disagreements_at(const RouterInfo& info, double threshold);

/// The promise's, the LLM alone where it has none. Without a promise
/// the least threshold whose accuracy is 99 % of the LLM's by one standard error of what the
/// validation examples can tell, so that other examples see the 99 % as well; or the most accurate
/// one; 0.5 without a curve.
double default_threshold(const RouterInfo& info);

}  // namespace citer
