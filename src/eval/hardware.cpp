#include "eval/hardware.h"

#include <algorithm>
#include <charconv>
#include <iterator>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "citer/error.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw InputError(fmt::format("{}: {}", path.string(), what));
}

double number(const ordered_json& value, const std::filesystem::path& path,
              const std::string& field) {
  if (value.is_number() && value.get<double>() >= 0) return value.get<double>();
  fail(path, fmt::format("{}: expected a number of seconds >= 0, found {}", field, value.dump()));
}

PassCurve read_curve(const ordered_json& json, const std::filesystem::path& path,
                     const std::string& field) {
  const auto found = json.find(field);
  if (found == json.end() || !found->is_object() || found->empty()) {
    fail(path, fmt::format("{}: expected an object of seconds by number of tokens", field));
  }
  PassCurve curve;
  for (const auto& [key, value] : found->items()) {
    int tokens = 0;
    const char* end = key.data() + key.size();
    const auto [parsed, error] = std::from_chars(key.data(), end, tokens);
    if (error != std::errc{} || parsed != end || tokens < 1) {
      fail(path, fmt::format("{}: expected numbers of tokens as keys, found '{}'", field, key));
    }
    curve.add(tokens, number(value, path, fmt::format("{}.{}", field, key)));
  }
  return curve;
}

ordered_json to_json(const PassCurve& curve) {
  ordered_json json = ordered_json::object();
  for (const auto& [tokens, seconds] : curve.medians()) json[std::to_string(tokens)] = seconds;
  return json;
}

}  // namespace

double median(std::vector<double> values) {
  if (values.empty()) return 0.0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double PassCurve::at(double tokens) const {
  auto above = samples_.begin();
  while (above != samples_.end() && above->first < tokens) ++above;
  if (above == samples_.begin()) return median(above->second);
  if (above == samples_.end()) --above;
  if (above == samples_.begin()) return median(above->second) * tokens / above->first;
  const auto below = std::prev(above);
  const double low = median(below->second);
  const double slope = (median(above->second) - low) / (above->first - below->first);
  return low + slope * (tokens - below->first);
}

std::map<int, double> PassCurve::medians() const {
  std::map<int, double> result;
  for (const auto& [tokens, seconds] : samples_) result[tokens] = median(seconds);
  return result;
}

Hardware read_hardware(const std::filesystem::path& path) {
  ordered_json json;
  try {
    json = ordered_json::parse(read_file(path));
  } catch (const ordered_json::parse_error& e) {
    fail(path, fmt::format("expected JSON: {}", e.what()));
  }
  if (!json.is_object()) fail(path, "expected a JSON object");
  Hardware hardware;
  hardware.name = json.value("name", path.stem().string());
  hardware.slm = read_curve(json, path, "slm_pass_seconds");
  hardware.llm = read_curve(json, path, "llm_pass_seconds");
  if (json.contains("overhead_seconds_per_token")) {
    hardware.token_overhead =
        number(json["overhead_seconds_per_token"], path, "overhead_seconds_per_token");
  }
  return hardware;
}

ordered_json hardware_json(const Hardware& hardware) {
  return {{"name", hardware.name},
          {"slm_pass_seconds", to_json(hardware.slm)},
          {"llm_pass_seconds", to_json(hardware.llm)},
          {"overhead_seconds_per_token", hardware.token_overhead}};
}

void write_hardware(const std::filesystem::path& path, const Hardware& hardware) {
  write_file(path, hardware_json(hardware).dump(2) + "\n");
}

}  // namespace citer
