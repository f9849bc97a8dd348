#include "eval/report.h"

#include <map>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "citer/error.h"
#include "eval/embedded.h"
#include "eval/settings.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

ordered_json scores_json(const Summary& summary) {
  std::map<std::pair<std::string, std::string>, const RunSummary*> lowest;
  for (const RunSummary& run : summary.runs) {
    if (is_fixed_policy(run.setting.policy)) continue;
    const RunSummary*& best = lowest[{run.setting.data, run.setting.policy}];
    if (best == nullptr || run.setting.threshold < best->setting.threshold) best = &run;
  }
  ordered_json list = ordered_json::array();
  for (const auto& [key, run] : lowest) {
    list.push_back({{"data", key.first},
                    {"policy", key.second},
                    {"threshold", run->setting.threshold},
                    {"tokens", run->scores.tokens},
                    {"audited", run->scores.audited},
                    {"agreed", run->scores.agreed},
                    {"score_sum", run->scores.score_sum}});
  }
  return list;
}

ordered_json tokens_json(const ExampleRecord& example) {
  ordered_json tokens = ordered_json::array();
  for (const TokenRecord& token : example.tokens) {
    tokens.push_back({token.piece, token.writer == Writer::kLlm ? 1 : 0, token.score});
  }
  return tokens;
}

ordered_json examples_json(const EvalResults& results) {
  ordered_json list = ordered_json::array();
  std::map<std::pair<std::string, std::string>, std::size_t> index;
  for (const ChunkRecord& chunk : results.chunks) {
    for (const ExampleRecord& e : chunk.examples) {
      if (e.tokens.empty()) continue;
      const auto [at, is_new] = index.emplace(std::pair{chunk.setting.data, e.id}, list.size());
      if (is_new) {
        list.push_back({{"data", chunk.setting.data},
                        {"id", e.id},
                        {"prompt", e.prompt},
                        {"gold", e.gold},
                        {"runs", ordered_json::array()}});
      }
      list[at->second]["runs"].push_back({{"policy", chunk.setting.policy},
                                          {"threshold", chunk.setting.threshold},
                                          {"correct", e.correct},
                                          {"answer", e.answer},
                                          {"tokens", tokens_json(e)}});
    }
  }
  return list;
}

/// Puts `text` in the place of `marker`, which the template holds once.
void fill(std::string& html, std::string_view marker, std::string_view text) {
  const std::size_t at = html.find(marker);
  if (at == std::string::npos) throw Error("report template lacks " + std::string(marker));
  html.replace(at, marker.size(), text);
}

/// JSON that may stand in a <script> element: without `<`, which could end it, or hide its end as
/// `<!--` does.
std::string script_json(const ordered_json& data) {
  std::string text;
  for (const char c : data.dump(-1, ' ', false, ordered_json::error_handler_t::replace)) {
    if (c == '<') {
      text += "\\u003c";
    } else {
      text += c;
    }
  }
  return text;
}

}  // namespace

ordered_json report_data(const EvalResults& results, const Summary& summary) {
  ordered_json data = summary_object(results, summary);
  data["scores"] = scores_json(summary);
  data["examples"] = examples_json(results);
  return data;
}

std::string report_html(const EvalResults& results, const Summary& summary) {
  std::string html(embedded::kReportHtml);
  fill(html, "/*{{STYLE}}*/", embedded::kReportCss);
  fill(html, "/*{{CHART_LIBRARY}}*/", embedded::kChartLibrary);
  fill(html, "/*{{SCRIPT}}*/", embedded::kReportJs);
  fill(html, "\"{{DATA}}\"", script_json(report_data(results, summary)));
  return html;
}

}  // namespace citer
