#include "cli/placement_flags.h"

#include <CLI/CLI.hpp>

#include <charconv>
#include <utility>

#include <fmt/format.h>

#include "citer/error.h"

namespace citer::cli {

namespace {

/// "PATTERN=BUFFER": a buffer type has no '=' in its name, a pattern may.
std::pair<std::string, std::string> pattern_and_buffer(const std::string& flag,
                                                       const std::string& text) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
    throw UsageError(
        fmt::format("{}: expected PATTERN=BUFFER, e.g. exps=CPU, found '{}'", flag, text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

/// "FILE:SCALE"
LoraAdapter scaled_adapter(const std::string& flag, const std::string& text) {
  const std::size_t colon = text.rfind(':');
  LoraAdapter adapter;
  if (colon != std::string::npos && colon > 0) {
    adapter.path = text.substr(0, colon);
    const char* end = text.data() + text.size();
    const auto [parsed, error] = std::from_chars(text.data() + colon + 1, end, adapter.scale);
    if (error == std::errc{} && parsed == end) return adapter;
  }
  throw UsageError(fmt::format("{}: expected FILE:SCALE, found '{}'", flag, text));
}

}  // namespace

void PlacementFlags::add_per_model(CLI::App& app, PerModel& model, const std::string& suffix) {
  const std::string of = suffix.empty() ? "the LLM's" : "the SLM's";
  const std::string end = suffix.empty() ? "" : "d";
  app.add_option("--override-tensor" + suffix, model.override_tensor,
                 fmt::format("-ot{}: keep {} tensors elsewhere, PATTERN=BUFFER,...", end, of))
      ->delimiter(',');
  app.add_flag("--cpu-moe" + suffix, model.cpu_moe,
               fmt::format("-cmoe{}: keep {} experts in the CPU's memory", end, of));
  app.add_option("--n-cpu-moe" + suffix, model.n_cpu_moe,
                 fmt::format("-ncmoe{}: keep {} experts of the first N layers there", end, of))
      ->check(CLI::Range(0, 1 << 16));
  app.add_option("--lora" + suffix, model.lora, fmt::format("LoRA adapters of {}", of))
      ->delimiter(',');
  app.add_option("--lora-scaled" + suffix, model.lora_scaled,
                 fmt::format("The same with scales, FILE:SCALE,...", of))
      ->delimiter(',');
}

void PlacementFlags::add_to(CLI::App& app) {
  add_per_model(app, llm_, "");
  add_per_model(app, slm_, "-draft");
  app.add_option("--fit", fit_,
                 "-fit: keep fewer layers on the devices where not all fit, on or off")
      ->check(CLI::IsMember({"on", "off"}))
      ->capture_default_str();
  app.add_option("--fit-target", fit_target_, "-fitt: MiB of each device that --fit leaves free")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--split-mode", split_mode_,
                 "-sm: how several devices share a model: none, layer, row or tensor")
      ->capture_default_str();
  app.add_option("--main-gpu", main_gpu_, "-mg: the device for what is not split")
      ->capture_default_str();
  app.add_option("--tensor-split", tensor_split_, "-ts: the devices' shares, comma-separated")
      ->delimiter(',');
}

void PlacementFlags::apply(const PerModel& model, const std::string& suffix,
                           ModelOptions& options) const {
  for (const std::string& text : model.override_tensor) {
    options.override_tensor.push_back(pattern_and_buffer("--override-tensor" + suffix, text));
  }
  options.cpu_moe = model.cpu_moe;
  options.n_cpu_moe = model.n_cpu_moe;
  for (const std::string& path : model.lora) options.lora.push_back({.path = path});
  for (const std::string& text : model.lora_scaled) {
    options.lora.push_back(scaled_adapter("--lora-scaled" + suffix, text));
  }
  options.fit = fit_ == "on";
  options.fit_target = fit_target_;
  options.split_mode = split_mode_;
  options.main_gpu = main_gpu_;
  options.tensor_split = tensor_split_;
}

void PlacementFlags::apply(PairOptions& options) const {
  apply(llm_, "", options.llm);
  apply(slm_, "-draft", options.slm);
}

}  // namespace citer::cli
