#include "eval/run_file.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

ordered_json facts_json(const ModelFacts& facts) {
  return {{"path", facts.path},
          {"description", facts.description},
          {"parameters", facts.parameters},
          {"bytes", facts.bytes},
          {"cache_bytes_per_token", facts.cache_bytes_per_token},
          {"n_embd", facts.n_embd}};
}

ModelFacts facts_from(const ordered_json& j) {
  return {j.at("path"),  j.at("description"),           j.at("parameters"),
          j.at("bytes"), j.at("cache_bytes_per_token"), j.at("n_embd")};
}

std::vector<ReliabilityBin> bins_from(const ordered_json& j) {
  std::vector<ReliabilityBin> bins;
  for (const ordered_json& bin : j) {
    bins.push_back({bin.at("share"), bin.at("score"), bin.at("outcome")});
  }
  return bins;
}

}  // namespace

ordered_json claims_json(const std::map<std::string, std::vector<ReliabilityBin>>& claims) {
  ordered_json all = ordered_json::object();
  for (const auto& [policy, bins] : claims) {
    for (const ReliabilityBin& bin : bins) {
      all[policy].push_back({{"share", bin.share}, {"score", bin.score}, {"outcome", bin.outcome}});
    }
  }
  return all;
}

std::optional<RunFile> read_run_file(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  try {
    const ordered_json j = ordered_json::parse(read_file(path));
    RunFile run;
    run.identity = j.at("identity");
    run.slm = facts_from(j.at("slm"));
    run.llm = facts_from(j.at("llm"));
    run.data = j.at("data");
    for (const ordered_json& s : j.at("settings")) {
      run.settings.push_back({s.at("data"), s.at("policy"), s.at("threshold")});
    }
    if (const auto claims = j.find("claims"); claims != j.end()) {
      for (const auto& [policy, bins] : claims->items()) run.claims[policy] = bins_from(bins);
    }
    return run;
  } catch (const nlohmann::json::exception& e) {
    throw InputError(fmt::format("{}: not a run file: {}", path.string(), e.what()));
  }
}

void write_run_file(const std::filesystem::path& path, const RunFile& run) {
  ordered_json settings = ordered_json::array();
  for (const EvalSetting& s : run.settings) {
    settings.push_back({{"data", s.data}, {"policy", s.policy}, {"threshold", s.threshold}});
  }
  const ordered_json j = {{"identity", run.identity},        {"slm", facts_json(run.slm)},
                          {"llm", facts_json(run.llm)},      {"data", run.data},
                          {"settings", std::move(settings)}, {"claims", claims_json(run.claims)}};
  write_file(path, j.dump(2) + "\n");
}

}  // namespace citer
