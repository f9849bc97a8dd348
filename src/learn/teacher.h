#pragma once

#include <array>
#include <vector>

#include "citer/policy.h"
#include "citer/types.h"
#include "engine/models.h"
#include "route/features.h"

namespace citer {

/// What both models make of one position of a given text.
struct TeacherPosition {
  Token slm_token = 0;  ///< the SLM's likeliest
  Token llm_token = 0;
  float slm_logprob = 0.0F;  ///< natural logarithm, of the text's own token
  float llm_logprob = 0.0F;
  /// Log-probability that the LLM gives its own token beyond what it gives the SLM's: 0 where they
  /// agree.
  float llm_gap = 0.0F;
  double score = 0.0;         ///< the policy's
  std::vector<float> hidden;  ///< [n_embd]: the SLM's state before the token
  std::array<float, kConfidenceFeatures> confidence{};
};

/// Teacher forcing: one forward pass of each model over prompt and text (CITER, arXiv 2502.01976,
/// section 3.2). The caches of sequence `sequence` hold prompt and text afterwards. One entry per
/// token of `text`. On the models' thread. The policy may need no more than the SLM's row. Throws
/// ResourceError when a model gives no finite numbers.
std::vector<TeacherPosition> teacher_forced(Models& models, int sequence,
                                            const std::vector<Token>& prompt,
                                            const std::vector<Token>& text,
                                            const RoutingPolicy& policy);

}  // namespace citer
