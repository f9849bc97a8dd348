#include "cli/model_source.h"

#include <CLI/CLI.hpp>

#include <filesystem>
#include <optional>

#include "citer/error.h"
#include "cli/interrupt.h"
#include "cli/progress.h"
#include "hub/hub.h"

namespace citer::cli {

void SourceFlags::add_to(CLI::App& app) {
  auto* llm = app.add_option("-m,--model,--llm", llm_.path,
                             "The LLM's GGUF file (default: the bundled one), or the address of a "
                             "server that runs it, http(s)://HOST:PORT: citer (with --sessions), "
                             "llama-server, SGLang, vLLM, or any that completes texts as OpenAI's "
                             "API has it");
  auto* slm = app.add_option("--slm,--model-draft,--spec-draft-model", slm_.path,
                             "-md: the SLM's GGUF file (default: the bundled one)");
  auto* llm_hub = app.add_option("--hf-repo", llm_.repository,
                                 "-hf: the LLM, USER/NAME or USER/NAME:QUANTISATION on the hub");
  auto* slm_hub = app.add_option("--hf-repo-draft,--spec-draft-hf", slm_.repository,
                                 "-hfd: the same for the SLM");
  auto* url = app.add_option("--model-url", llm_.url, "-mu: URL of the LLM's GGUF file");
  app.add_option("--hf-file", llm_.file, "-hff: file of --hf-repo, instead of a quantisation")
      ->needs(llm_hub);
  app.add_option("--hf-token", token_, "-hft: access token for the hub (default: HF_TOKEN)");
  app.add_flag("--offline", offline_, "Take models from the cache, without any request");
  llm->excludes(llm_hub)->excludes(url);
  llm_hub->excludes(url);
  slm->excludes(slm_hub);
}

HubOptions SourceFlags::hub_options() const {
  HubOptions options = hub_options_from_environment();
  if (!token_.empty()) options.token = token_;
  options.offline = offline_;
  return options;
}

std::string SourceFlags::locate(const Source& source) const {
  if (!source.path.empty()) return source.path;
  const InterruptGuard interrupt;
  ProgressPrinter printer;
  const Watcher watcher = printer.watcher();
  std::optional<std::filesystem::path> path;
  if (!source.url.empty()) {
    path = fetch_url(source.url, hub_options(), watcher);
  } else {
    HubModel model = parse_hub_model(source.repository);
    model.file = source.file;
    path = fetch_model(model, hub_options(), watcher);
  }
  if (!path) throw Interrupted{};
  return path->string();
}

std::string SourceFlags::llm_address() const {
  const bool is_address = llm_.path.starts_with("http://") || llm_.path.starts_with("https://");
  return is_address ? llm_.path : "";
}

bool SourceFlags::fetch_slm(PairOptions& options) const {
  if (!slm_.is_named()) return false;
  options.slm.path = locate(slm_);
  return true;
}

bool SourceFlags::fetch(PairOptions& options) const {
  if (llm_.is_named() != slm_.is_named()) {
    throw UsageError(
        "give both models, the LLM (-m, -hf or -mu) and the SLM (-md or -hfd), or neither for the "
        "bundled pair");
  }
  if (!llm_.is_named()) return false;
  options.slm.path = locate(slm_);
  options.llm.path = locate(llm_);
  return true;
}

}  // namespace citer::cli
