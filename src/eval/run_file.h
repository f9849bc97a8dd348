#pragma once

// out/run.json: what was run, so that a killed evaluation goes on with the same and another one is
// refused.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "citer/pair.h"
#include "citer/router.h"
#include "eval/settings.h"

namespace citer {

struct RunFile {
  /// Everything that decides the results, as one JSON text: models, datasets with fingerprints,
  /// options. Two runs are the same iff their texts are.
  std::string identity;
  ModelFacts slm;
  ModelFacts llm;
  std::vector<std::string> data;
  std::vector<EvalSetting> settings;
  std::map<std::string, std::vector<ReliabilityBin>> claims;  ///< EvalResults::claims
};

/// A policy's bins as JSON: `{share, score, outcome}` each.
nlohmann::ordered_json claims_json(
    const std::map<std::string, std::vector<ReliabilityBin>>& claims);

/// Nothing if the file is not there. Throws InputError when it is damaged.
std::optional<RunFile> read_run_file(const std::filesystem::path& path);

/// Replaces the file in one step.
void write_run_file(const std::filesystem::path& path, const RunFile& run);

}  // namespace citer
