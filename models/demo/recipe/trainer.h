#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "corpus.h"
#include "optimizer.h"
#include "shape.h"

namespace citer::demo {

struct TrainOptions {
  Role role = Role::kLlm;
  Shape shape;
  OptimizerOptions optimizer;
  /// Mixes before and after half of the steps.
  Mix first_mix;
  Mix second_mix;
  /// Optimiser steps, and tokens per step (documents are whole, so a little more).
  long steps = 1000;
  int batch_tokens = 3072;
  /// Steps of linear warm-up; and the share of all steps, at the end, over which the rates fall
  /// linearly to zero.
  long warmup = 40;
  double decay = 0.6;
  /// Results do not depend on anything else: the same number of threads gives the same model.
  int threads = 2;
  std::uint64_t seed = 1;
  /// Steps between progress lines, and between checkpoints; 0: none.
  long report_every = 20;
  long checkpoint_every = 200;
};

/// The bundled pair's settings (see README.md).
TrainOptions bundled_options(Role role);

/// Trains, or goes on from `checkpoint` where that file exists. Writes `checkpoint` now and then
/// and at the end, in one step each time. `log` gets progress lines. Throws InputError for a
/// checkpoint that does not fit the options.
void train(const TrainOptions& options, const Corpus& corpus, const std::string& checkpoint,
           const std::function<void(const std::string&)>& log);

}  // namespace citer::demo
