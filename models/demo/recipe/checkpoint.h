#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shape.h"

namespace citer::demo {

/// A training's state between two steps.
struct Checkpoint {
  Shape shape;
  std::uint64_t seed = 0;
  long step = 0;               // steps done
  std::uint64_t document = 0;  // next document of the corpus
  std::vector<float> weights;
  std::vector<float> first;  // the optimiser's moments
  std::vector<float> second;
};

/// Replaces `path` in one step. Native byte order: a checkpoint is for the machine it was made on.
void save_checkpoint(const std::string& path, const Checkpoint& checkpoint);

/// Throws InputError naming the file when it is not a whole checkpoint.
Checkpoint load_checkpoint(const std::string& path);

}  // namespace citer::demo
