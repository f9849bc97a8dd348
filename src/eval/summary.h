#pragma once

#include <string>

#include "citer/evaluation.h"
#include "eval/evaluation.h"

namespace citer {

Summary summarize(const EvalResults& results);

/// summary.json (docs/evaluation.md lists the fields).
std::string summary_json(const EvalResults& results, const Summary& summary);

}  // namespace citer
