#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include "eval/summary.h"

namespace citer {

/// summary.json as an object.
nlohmann::ordered_json summary_object(const EvalResults& results, const Summary& summary);

/// What the report's page is drawn from: summary_object() with `scores` (per data and policy, at
/// its lowest threshold: tokens by score bin, and how often the LLM agreed with the SLM's token)
/// and `examples` (the first of each dataset, under every setting, with writer and score of each
/// token).
nlohmann::ordered_json report_data(const EvalResults& results, const Summary& summary);

/// One self-contained HTML page: curves, operating points, calibration, histograms and examples.
std::string report_html(const EvalResults& results, const Summary& summary);

}  // namespace citer
