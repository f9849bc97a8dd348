// Python's module citer._citer; citer/__init__.py makes the API of it.
#include <pybind11/functional.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>
#include <pybind11/stl/filesystem.h>

#include <citer/error.h>
#include <citer/evaluation.h>
#include <citer/service.h>
#include <citer/training.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace py = pybind11;

namespace {

using Paths = std::vector<std::filesystem::path>;

/// Looks at signals while C++ works, so that Ctrl-C ends it.
class Interrupt {
 public:
  bool requested() {
    if (requested_) return true;
    const py::gil_scoped_acquire python;
    if (PyErr_CheckSignals() != 0) requested_ = true;
    return requested_;
  }
  /// Goes on with what the signal's handler raised.
  void rethrow() const {
    if (!requested_) return;
    const py::gil_scoped_acquire python;
    throw py::error_already_set();
  }

 private:
  std::atomic<bool> requested_ = false;
};

citer::PairOptions pair_options(const std::filesystem::path& slm, const std::filesystem::path& llm,
                                const Paths& routers, int threads) {
  citer::PairOptions options;
  options.slm = {.path = slm, .threads = threads};
  options.llm = {.path = llm, .threads = threads};
  for (const auto& router : routers) options.routers.push_back(router);
  return options;
}

citer::ServiceOptions service_options(int context_size, int sequences, bool by_times) {
  return {.context = {.context_size = context_size, .sequences = sequences}, .by_times = by_times};
}

/// Two models that write together.
class Pair {
 public:
  Pair(const std::filesystem::path& slm, const std::filesystem::path& llm, const Paths& routers,
       int context_size, int sequences, int threads)
      : pair_(std::make_shared<const citer::Pair>(pair_options(slm, llm, routers, threads))),
        service_(pair_, service_options(context_size, sequences, true)),
        context_size_(context_size),
        sequences_(sequences) {}

  /// `on_text` gets each piece and whether the LLM wrote it.
  citer::Answer generate(const citer::Prompt& prompt, const citer::GenerationOptions& options,
                         const std::function<void(std::string, bool)>& on_text,
                         const std::function<bool()>& should_stop) {
    citer::Answer answer;
    Interrupt interrupt;
    service_.generate(
        {&prompt, 1}, options,
        {.on_text =
             [&](std::size_t, const citer::TextPiece& piece) {
               const py::gil_scoped_acquire python;
               on_text(piece.text, piece.writer == citer::Writer::kLlm);
             },
         .on_answer = [&](std::size_t, citer::Answer done) { answer = std::move(done); },
         .should_stop = [&] { return interrupt.requested() || asks(should_stop); }});
    interrupt.rethrow();
    return answer;
  }

  /// By a service of its own, whose counters do not depend on time.
  std::optional<citer::Summary> evaluate(const citer::EvalOptions& options) const {
    citer::Service service(pair_, service_options(context_size_, sequences_, false));
    Interrupt interrupt;
    auto summary =
        citer::evaluate(service, options, {.should_stop = [&] { return interrupt.requested(); }});
    interrupt.rethrow();
    return summary;
  }

 private:
  static bool asks(const std::function<bool()>& should_stop) {
    const py::gil_scoped_acquire python;
    return should_stop();
  }

  std::shared_ptr<const citer::Pair> pair_;
  citer::Service service_;
  int context_size_;
  int sequences_;
};

citer::Prompt prompt_of(const std::string& text,
                        const std::vector<std::pair<std::string, std::string>>& messages,
                        bool raw) {
  citer::Prompt prompt{.text = text, .raw = raw};
  for (const auto& [role, content] : messages) prompt.messages.push_back({role, content});
  return prompt;
}

citer::GenerationOptions generation_options(const std::string& policy,
                                            std::optional<double> threshold,
                                            std::optional<double> budget, int max_tokens,
                                            double temperature, std::uint64_t seed,
                                            const std::vector<std::string>& stop) {
  citer::GenerationOptions options;
  options.policy = policy;
  options.threshold = threshold;
  options.budget = budget;
  options.max_tokens = max_tokens;
  options.sampling.temperature = temperature;
  options.sampling.seed = seed;
  options.stop = stop;
  return options;
}

std::optional<citer::LearnedRouter> train(const std::filesystem::path& slm,
                                          const std::filesystem::path& llm, const Paths& data,
                                          const Paths& valid, const std::filesystem::path& out,
                                          int limit, int rounds, int epochs, int folds,
                                          int sequences, int threads) {
  citer::LearnOptions options;
  options.out = out;
  options.rounds = rounds;
  options.collect.data = data;
  options.collect.dataset.limit = limit;
  options.train.epochs = epochs;
  options.train.folds = folds;
  options.calibrate.data = valid;
  options.calibrate.dataset.limit = limit;
  Interrupt interrupt;
  auto router =
      citer::learn_router(pair_options(slm, llm, {}, threads), service_options(0, sequences, false),
                          options, {.should_stop = [&] { return interrupt.requested(); }});
  interrupt.rethrow();
  return router;
}

std::optional<citer::Summary> evaluate(const Pair& pair, const Paths& data,
                                       const std::filesystem::path& out,
                                       const std::vector<std::string>& policies,
                                       const std::vector<double>& budgets, int limit,
                                       int max_tokens) {
  citer::EvalOptions options;
  options.data = data;
  options.out = out;
  if (!policies.empty()) options.policies = policies;
  if (!budgets.empty()) options.budgets = budgets;
  options.dataset.limit = limit;
  options.generation.max_tokens = max_tokens;
  return pair.evaluate(options);
}

void bind_results(py::module_& module) {
  py::class_<citer::Estimate>(module, "Estimate")
      .def_readonly("value", &citer::Estimate::value)
      .def_readonly("low", &citer::Estimate::low)
      .def_readonly("high", &citer::Estimate::high);
  py::class_<citer::Answer>(module, "Answer")
      .def_readonly("text", &citer::Answer::text)
      .def_readonly("reasoning", &citer::Answer::reasoning)
      .def_readonly("prompt_tokens", &citer::Answer::prompt_tokens)
      .def_readonly("threshold", &citer::Answer::threshold)
      .def_readonly("seconds", &citer::Answer::seconds)
      .def_property_readonly("tokens", [](const citer::Answer& a) { return a.counters.tokens(); })
      .def_property_readonly("llm_tokens",
                             [](const citer::Answer& a) { return a.counters.llm_tokens; })
      .def_property_readonly("finish_reason",
                             [](const citer::Answer& a) { return citer::to_string(a.finish); });
  py::class_<citer::LearnedRouter>(module, "LearnedRouter")
      .def_readonly("rounds", &citer::LearnedRouter::rounds)
      .def_readonly("default_threshold", &citer::LearnedRouter::default_threshold)
      .def_readonly("slm_accuracy", &citer::LearnedRouter::slm_accuracy)
      .def_readonly("llm_accuracy", &citer::LearnedRouter::llm_accuracy);
  py::class_<citer::RunSummary>(module, "Run")
      .def_property_readonly("data", [](const citer::RunSummary& r) { return r.setting.data; })
      .def_property_readonly("policy", [](const citer::RunSummary& r) { return r.setting.policy; })
      .def_property_readonly("threshold",
                             [](const citer::RunSummary& r) { return r.setting.threshold; })
      .def_readonly("accuracy", &citer::RunSummary::accuracy)
      .def_readonly("llm_share", &citer::RunSummary::llm_share);
  py::class_<citer::Summary>(module, "Summary").def_readonly("runs", &citer::Summary::runs);
}

}  // namespace

PYBIND11_MODULE(_citer, module) {
  const auto error = py::register_exception<citer::Error>(module, "Error", PyExc_RuntimeError);
  py::register_exception<citer::UsageError>(module, "UsageError", error);
  py::register_exception<citer::InputError>(module, "InputError", error);
  py::register_exception<citer::ResourceError>(module, "ResourceError", error);
  bind_results(module);
  py::class_<citer::Prompt>(module, "Prompt").def(py::init(&prompt_of));
  py::class_<citer::GenerationOptions>(module, "GenerationOptions")
      .def(py::init(&generation_options));
  const py::call_guard<py::gil_scoped_release> without_python;
  py::class_<Pair>(module, "Pair")
      .def(py::init<const std::filesystem::path&, const std::filesystem::path&, const Paths&, int,
                    int, int>(),
           without_python)
      .def("generate", &Pair::generate, without_python);
  module.def("train", &train, without_python);
  module.def("evaluate", &evaluate, without_python);
}
