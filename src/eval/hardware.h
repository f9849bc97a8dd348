#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

namespace citer {

/// Seconds of a pass as a function of the tokens it reads: medians of what was measured at some
/// sizes, linear between them, beyond the largest on along the last segment.
class PassCurve {
 public:
  void add(int tokens, double seconds) { samples_[tokens].push_back(seconds); }
  bool empty() const { return samples_.empty(); }
  /// Seconds of a pass over `tokens` >= 0. Not of an empty curve.
  double at(double tokens) const;
  /// Median seconds by size.
  std::map<int, double> medians() const;

 private:
  std::map<int, std::vector<double>> samples_;
};

/// How fast a machine runs a pair of models.
struct Hardware {
  std::string name;
  PassCurve slm;
  PassCurve llm;
  /// Seconds per token spent outside both models: router, sampling, the rest.
  double token_overhead = 0.0;
};

/// {"name": ..., "slm_pass_seconds": {"1": 0.004, ...}, "llm_pass_seconds": {...},
/// "overhead_seconds_per_token": ...}. Throws InputError naming file and field.
Hardware read_hardware(const std::filesystem::path& path);
nlohmann::ordered_json hardware_json(const Hardware& hardware);
void write_hardware(const std::filesystem::path& path, const Hardware& hardware);

/// Median; of an even number the upper one of the two in the middle. 0 of nothing.
double median(std::vector<double> values);

}  // namespace citer
