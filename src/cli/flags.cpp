#include "cli/flags.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "citer/error.h"
#include "citer/log.h"
#include "citer/policy.h"
#include "model/backend.h"
#include "model/rpc.h"
#include "remote/remote_llm.h"
#include "route/learned_policy.h"

namespace citer::cli {

namespace {

/// llama.cpp's short flags of several letters and their long forms here.
constexpr std::array<std::pair<const char*, const char*>, 33> kShortFlags = {{
    {"-md", "--slm"},
    {"-ngl", "--n-gpu-layers"},
    {"-ngld", "--n-gpu-layers-draft"},
    {"-td", "--threads-draft"},
    {"-dev", "--device"},
    {"-devd", "--device-draft"},
    {"-ctk", "--cache-type-k"},
    {"-ctv", "--cache-type-v"},
    {"-ctkd", "--cache-type-k-draft"},
    {"-ctvd", "--cache-type-v-draft"},
    {"-fa", "--flash-attn"},
    {"-np", "--parallel"},
    {"-sys", "--system-prompt"},
    {"-sp", "--special"},
    {"-hf", "--hf-repo"},
    {"-hfr", "--hf-repo"},
    {"-hff", "--hf-file"},
    {"-hft", "--hf-token"},
    {"-hfd", "--hf-repo-draft"},
    {"-hfrd", "--hf-repo-draft"},
    {"-mu", "--model-url"},
    {"-rea", "--reasoning"},
    {"-ot", "--override-tensor"},
    {"-otd", "--override-tensor-draft"},
    {"-cmoe", "--cpu-moe"},
    {"-cmoed", "--cpu-moe-draft"},
    {"-ncmoe", "--n-cpu-moe"},
    {"-ncmoed", "--n-cpu-moe-draft"},
    {"-fit", "--fit"},
    {"-fitt", "--fit-target"},
    {"-mg", "--main-gpu"},
    {"-ts", "--tensor-split"},
    {"-sm", "--split-mode"},
}};

}  // namespace

std::string version_text() {
  return fmt::format("citer {} ({})", CITER_VERSION, backend_versions());
}

std::string long_flag(const std::string& argument) {
  for (const auto& [brief, full] : kShortFlags) {
    if (argument == brief) return full;
  }
  return argument;
}

std::vector<std::string> long_flags(int argc, char** argv) {
  std::vector<std::string> arguments;
  for (int i = argc - 1; i > 0; --i) arguments.push_back(long_flag(argv[i]));
  return arguments;
}

std::string bundled_model(const std::string& file) {
  namespace fs = std::filesystem;
  std::vector<fs::path> folders;
  if (const char* folder = std::getenv("CITER_MODEL_DIR")) {
    folders.emplace_back(folder);
  } else {
    std::error_code no_proc;
    const fs::path program = fs::read_symlink("/proc/self/exe", no_proc);
    folders = {program.parent_path() / CITER_MODEL_DIR_FROM_PROGRAM, CITER_SOURCE_MODEL_DIR};
  }
  for (const fs::path& folder : folders) {
    std::error_code error;
    if (fs::exists(folder / file, error)) return (folder / file).string();
  }
  return (folders.back() / file).string();
}

std::vector<std::string> bundled_routers() {
  std::vector<std::string> paths;
  for (const std::string& policy : learned_policy_names()) {
    std::string path = bundled_model(fmt::format("router-{}.gguf", policy));
    std::error_code error;
    if (std::filesystem::exists(path, error)) paths.push_back(std::move(path));
  }
  return paths;
}

void ChatFormatFlags::add_to(CLI::App& app) {
  app.add_option("--chat-template-file", options_.template_file,
                 "Jinja template instead of the LLM's own");
  app.add_flag("--raw,--no-chat-template", options_.raw,
               "Read prompts as they are, as base models want them, although there is a chat "
               "template");
  app.add_option("--system-prompt", options_.system_prompt,
                 "-sys: system message of prompts that bring none");
  app.add_option("--chat-template-kwargs", options_.template_kwargs,
                 "Variables of the chat template, a JSON object");
  app.add_option("--reasoning", reasoning_,
                 "-rea: whether the template lets the model think first: on, off, or auto (its own "
                 "default)")
      ->check(CLI::IsMember({"on", "off", "auto"}))
      ->capture_default_str();
  app.add_option("--reasoning-effort", effort_,
                 "Level of thinking given to the template, such as low or high")
      ->capture_default_str();
}

ChatOptions ChatFormatFlags::options() const {
  ChatOptions options = options_;
  if (reasoning_ == "auto" && effort_ == "default") return options;
  auto variables = nlohmann::ordered_json::object();
  if (!options.template_kwargs.empty()) {
    variables = nlohmann::ordered_json::parse(options.template_kwargs, nullptr, false);
    if (!variables.is_object()) return options;  // what is wrong with it is said where it is used
  }
  if (reasoning_ != "auto") variables["enable_thinking"] = reasoning_ == "on";
  if (effort_ != "default") variables["reasoning_effort"] = effort_;
  options.template_kwargs = variables.dump();
  return options;
}

std::shared_ptr<const Pair> load_pair(const PairOptions& options) {
  auto pair = std::make_shared<const Pair>(options);
  print_notes(*pair);
  return pair;
}

void print_notes(const Pair& pair) {
  for (const std::string& note : pair.notes()) fmt::print(stderr, "citer: note: {}\n", note);
}

void add_rpc_flag(CLI::App& app, std::vector<std::string>& servers) {
  app.add_option("--rpc", servers,
                 "HOST:PORT of machines whose devices are used, too: RPC0, ... (rpc-server)")
      ->delimiter(',');
}

void ModelFlags::add_server_flags(CLI::App& app) {
  takes_server_ = true;
  app.add_option("--llm-api-key", remote_.api_key,
                 "Key for the server that runs the LLM (default: CITER_LLM_API_KEY)")
      ->envname("CITER_LLM_API_KEY");
  app.add_option("--llm-model", remote_.model,
                 "Name of the LLM at a server that has several (default: the first that it lists)");
  app.add_option("--llm-ca-file", remote_.ca_file,
                 "PEM certificates that its certificate is signed with (default: the system's)");
  app.add_option("--llm-timeout", llm_timeout_,
                 "Seconds that its answer is waited for, tries included; then the SLM's token "
                 "stands")
      ->check(CLI::Range(0.01, 3600.0))
      ->capture_default_str();
  app.add_option(
         "--llm-ahead", remote_.ahead,
         "Tokens that it writes on behind what it is asked, to save trips (default: as many "
         "as while the answer travels)")
      ->check(CLI::Range(0, 32));
}

void ModelFlags::set_server(PairOptions& options) const {
  if (!takes_server_) {
    throw UsageError(fmt::format("--llm {}: this command runs the LLM itself: name its file",
                                 source_.llm_address()));
  }
  RemoteOptions remote = remote_;
  remote.url = source_.llm_address();
  remote.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(1000 * llm_timeout_));
  options.llm_server = make_remote_llm(remote);
  if (source_.fetch_slm(options)) return;
  options.slm.path = bundled_model("slm.gguf");
  if (options.routers.empty()) options.routers = bundled_routers();
}

void ModelFlags::add_to(CLI::App& app, bool takes_server) {
  app_ = &app;
  if (takes_server) add_server_flags(app);
  ModelOptions& llm = pair_.llm;
  ModelOptions& slm = pair_.slm;
  ContextOptions& context = service_.context;
  source_.add_to(app);
  app.add_option("-c,--ctx-size", context.context_size,
                 "Tokens a sequence may hold (default: as trained, at most 4096)")
      ->check(CLI::Range(0, 1 << 24));
  app.add_option("--parallel", context.sequences, "-np: sequences decoded together")
      ->check(CLI::Range(1, 256));
  app.add_option("-b,--batch-size", context.batch_size, "Tokens in one forward pass at most")
      ->check(CLI::Range(1, 1 << 16));
  app.add_option("--flash-attn", context.flash_attention, "-fa: flash attention, on, off or auto")
      ->capture_default_str();
  app.add_flag("--swa-full", context.swa_full,
               "Keep all cached tokens also in layers with a sliding window: more memory, and any "
               "beginning can be reused (with several sequences: always)");
  app.add_option("--state-snapshots", context.state_snapshots,
                 "States that a hybrid LLM keeps of its last pass, so that it reads nothing again "
                 "after a correction (one sequence; passes take longer)")
      ->check(CLI::Range(0, 64));
  app.add_option("--row-reading", context.row_reading,
                 "Where logits are read: device, host, or auto (on a GPU that computes them)")
      ->capture_default_str();
  app.add_option("-t,--threads", llm.threads,
                 "CPU threads of the LLM (default: by its size and what passes take)")
      ->check(CLI::Range(0, 1024));
  app.add_option("--threads-draft", slm.threads, "-td: CPU threads of the SLM")
      ->check(CLI::Range(0, 1024));
  app.add_option("--n-gpu-layers", llm.n_gpu_layers, "-ngl: LLM layers on the devices (-1: all)");
  app.add_option("--n-gpu-layers-draft", slm.n_gpu_layers, "-ngld: SLM layers on the devices");
  app.add_option("--device", llm.devices, "-dev: devices of the LLM, comma-separated, or none");
  app.add_option("--device-draft", slm.devices, "-devd: devices of the SLM");
  app.add_option("--cache-type-k", llm.cache_type_k, "-ctk: type of the LLM's cached keys");
  app.add_option("--cache-type-v", llm.cache_type_v, "-ctv: type of the LLM's cached values");
  app.add_option("--cache-type-k-draft", slm.cache_type_k, "-ctkd: the same for the SLM");
  app.add_option("--cache-type-v-draft", slm.cache_type_v, "-ctvd: the same for the SLM");
  placement_.add_to(app);
  add_rpc_flag(app, rpc_servers_);
  app.add_option("--router", pair_.routers,
                 "Router files, one a policy (default: those of the bundled pair)")
      ->delimiter(',');
  app.add_option("--overlap", service_.overlap,
                 "Whether the SLM drafts on while the LLM verifies: on, off, or auto (where they "
                 "are on different devices)")
      ->capture_default_str();
  app.add_option("--max-wait", service_.max_wait,
                 "Milliseconds that a token may wait for others, or for a prompt to be read; 0: "
                 "none waits for others (default: 95 of 100 tokens come at most 1.3 times as late "
                 "as from the LLM alone)");
  chat_.add_to(app);
  app.add_flag("--no-mmap", no_mmap_, "Read the models into memory instead of mapping them");
  app.add_flag("-v,--verbose", verbose_, "Show llama.cpp's log");
}

/// But for the models' paths and places.
PairOptions ModelFlags::common_options() const {
  if (verbose_) {
    set_log_sink([](std::string_view text) { fmt::print(stderr, "{}", text); });
  }
  for (const std::string& server : rpc_servers_) connect_rpc_server(server);
  PairOptions options = pair_;
  options.chat = chat_.options();
  return options;
}

PairOptions ModelFlags::pair_options() const {
  PairOptions options = common_options();
  if (!source_.llm_address().empty()) {
    set_server(options);
  } else if (!source_.fetch(options)) {
    options.slm.path = bundled_model("slm.gguf");
    options.llm.path = bundled_model("llm.gguf");
    if (options.routers.empty()) options.routers = bundled_routers();
  }
  finish(options);
  return options;
}

PairOptions ModelFlags::pair_or_single_options() const {
  if (!source_.is_one()) return pair_options();
  PairOptions options = common_options();
  finish(options);
  if (source_.is_llm_alone()) options.slm = options.llm;
  options.slm.path = source_.fetch_one();
  options.llm = {};
  return options;
}

void ModelFlags::finish(PairOptions& options) const {
  options.slm.mmap = options.llm.mmap = !no_mmap_;
  placement_.apply(options);
  // The SLM is asked at every token: it stays on this machine.
  if (!rpc_servers_.empty() && options.slm.devices.empty()) options.slm.devices = local_devices();
}

ServiceOptions ModelFlags::service_options(int parallel) const {
  ServiceOptions options = service_;
  if (app_->count("--parallel") == 0) options.context.sequences = parallel;
  return options;
}

/// The number of pending tokens that --speculate asks for.
int pending_tokens(const std::string& speculate) {
  constexpr int kMost = 32;
  if (speculate == "auto") return 0;
  if (speculate == "off") return 1;
  int n = 0;
  const char* end = speculate.data() + speculate.size();
  const auto [parsed, error] = std::from_chars(speculate.data(), end, n);
  if (error == std::errc{} && parsed == end && n >= 1 && n <= kMost) return n;
  throw UsageError(
      fmt::format("--speculate: expected auto, off or a number of tokens from 1 to {}, "
                  "found '{}'",
                  kMost, speculate));
}

/// The model that --first names.
std::optional<Writer> first_reader(const std::string& name) {
  if (name == "auto") return std::nullopt;
  for (const Writer model : {Writer::kSlm, Writer::kLlm}) {
    if (name == to_string(model)) return model;
  }
  throw UsageError(fmt::format("--first: expected auto, slm or llm, found '{}'", name));
}

void add_sampling_flags(CLI::App& app, SamplingOptions& sampling) {
  app.add_option("--temp", sampling.temperature, "Temperature; 0 is greedy")->capture_default_str();
  app.add_option("--top-k", sampling.top_k, "Keep the k likeliest tokens; 0: all")
      ->capture_default_str();
  app.add_option("--top-p", sampling.top_p, "Keep the likeliest up to this probability")
      ->capture_default_str();
  app.add_option("--min-p", sampling.min_p, "Keep tokens this likely beside the likeliest")
      ->capture_default_str();
  app.add_option("--repeat-penalty", sampling.repeat_penalty, "Penalty of recent tokens; 1: off")
      ->capture_default_str();
  app.add_option("--repeat-last-n", sampling.repeat_last_n, "How many tokens are recent")
      ->capture_default_str();
  app.add_option("--presence-penalty", sampling.presence_penalty, "Subtracted once; 0: off");
  app.add_option("--frequency-penalty", sampling.frequency_penalty, "Subtracted per use; 0: off");
}

void add_answer_flags(CLI::App& app, AnswerOptions& answer) {
  app.add_option("--answer-pattern", answer.pattern, "RE2 pattern whose first group is the answer");
  app.add_flag("--marked-only", answer.marked_only, "Count only answers that are marked as such");
  app.add_option("--code-seconds", answer.code_seconds,
                 "Seconds that a program and its tests may take")
      ->check(CLI::PositiveNumber);
}

void add_stop_flag(CLI::App& app, std::vector<std::string>& stop) {
  // Without extra arguments, or CLI11 would take "[a,b]" for a list of two.
  app.add_option("-r,--stop,--reverse-prompt", stop, "String that ends an answer")
      ->allow_extra_args(false);
}

void add_promise_flags(CLI::App& app, PromiseOptions& promised) {
  auto* accuracy = app.add_option("--accuracy", promised.accuracy,
                                  "Promise to keep so much of the LLM's right answers (a part, as "
                                  "0.99), as validation shows it; else the LLM writes")
                       ->check(CLI::Range(0.0, 1.0));
  app.add_option("--confidence", promised.confidence, "Of the promise")
      ->needs(accuracy)
      ->capture_default_str()
      ->check(CLI::Range(0.0, 1.0));
}

void GenerationFlags::add_promise_to(CLI::App& app) { add_promise_flags(app, promised_); }

void GenerationFlags::add_to(CLI::App& app, const std::string& speculate) {
  app_ = &app;
  speculate_ = speculate;
  app.add_option("--speculate", speculate_,
                 "Tokens that may wait for the LLM while the SLM drafts on: auto, off or a number; "
                 "the text is the same")
      ->capture_default_str();
  app.add_option("--first", first_,
                 "Which model reads the prompt first and writes the first tokens: slm, llm or auto")
      ->capture_default_str();
  app.add_flag("--audit", options_.audit,
               "Compare the SLM's tokens with the LLM's own, as it catches up");
  app.add_option(
      "--policy", options_.policy,
      fmt::format("Who decides which model writes a token: {} (default: citer where there is a "
                  "router for it, else maxprob)",
                  fmt::join(policy_names(), ", ")));
  app.add_option("--threshold", threshold_,
                 "The LLM writes a token when its routing score is below; 0: the SLM alone, 1: the "
                 "LLM alone (default: the policy's own)");
  app.add_option("--budget", budget_,
                 "Instead of a threshold: the share of tokens that the LLM may write, by the "
                 "router's calibration");
  app.add_option("-n,--predict,--n-predict", options_.max_tokens,
                 "Tokens to write at most (-1: until the context is full)");
  app.add_option("--reasoning-budget", options_.reasoning_budget,
                 "Tokens of thinking at most (-1: any number)")
      ->check(CLI::Range(-1, 1 << 24));
  add_sampling_flags(app, options_.sampling);
  app.add_option("-s,--seed", seed_, "Seed; the same seed and prompt give the same text")
      ->capture_default_str();
  add_stop_flag(app, options_.stop);
  app.add_flag("--llm-required", options_.llm_required,
               "An answer fails where the server that runs the LLM does not answer; else the SLM's "
               "token stands");
  app.add_flag("--ignore-eos", options_.ignore_eog, "Write on after the end of generation");
}

GenerationOptions GenerationFlags::generation_options() const {
  GenerationOptions options = options_;
  if (app_->count("--threshold") > 0) {
    if (!(threshold_ >= 0 && threshold_ <= 1)) {
      throw UsageError(
          fmt::format("--threshold: expected a number in [0, 1], found {}", threshold_));
    }
    options.threshold = threshold_;
  }
  options.pending_tokens = pending_tokens(speculate_);
  options.first = first_reader(first_);
  options.sampling.seed = static_cast<std::uint64_t>(seed_);
  if (app_->count("--budget") > 0) options.budget = budget_;
  const CLI::Option* accuracy = app_->get_option_no_throw("--accuracy");
  if (accuracy != nullptr && accuracy->count() > 0) options.promise = promised_;
  // An unknown name is an error before any model is loaded.
  if (!options.policy.empty() && !is_learned_policy(options.policy)) make_policy(options.policy);
  return options;
}

}  // namespace citer::cli
