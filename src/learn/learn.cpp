#include <fmt/format.h>

#include "citer/error.h"
#include "citer/training.h"
#include "learn/calibrate.h"
#include "learn/rounds.h"
#include "learn/train.h"
#include "route/learned_policy.h"

namespace citer {

namespace {

LearnedRouter what_is_known(const RouterInfo& info) {
  return {.rounds = info.rounds,
          .default_threshold = default_threshold(info),
          .calibration = info.calibration,
          .slm_accuracy = info.slm_accuracy,
          .llm_accuracy = info.llm_accuracy,
          .promise = info.promise};
}

}  // namespace

std::optional<LearnedRouter> learn_router(const PairOptions& pair, const ServiceOptions& service,
                                          const LearnOptions& options, const Watcher& watcher) {
  if (options.out.empty()) throw UsageError("out: name a file for the router");
  check(options.train);  // before hours of collecting
  if (options.calibrate.promise) check(*options.calibrate.promise);
  ServicePool services(pair, service, options.workers);
  for (const std::string& note : services.pair().notes()) watcher.note(note);
  const auto router = options.preferences.empty() ? learn_in_rounds(services, options, watcher)
                                                  : learn_from_files(services, options, watcher);
  if (!router) return std::nullopt;
  save_router(options.out, *router);
  return what_is_known(router->info);
}

std::optional<LearnedRouter> calibrate_router(const PairOptions& pair,
                                              const ServiceOptions& service,
                                              const CalibrateOptions& options,
                                              const std::filesystem::path& out, int workers,
                                              const Watcher& watcher) {
  if (out.empty()) throw UsageError("out: name a file for the router");
  if (pair.routers.size() != 1) {
    throw FieldError({"routers"}, fmt::format("expected one, found {}", pair.routers.size()));
  }
  if (options.promise) check(*options.promise);
  ServicePool services(pair, service, workers);
  Router router = load_router_for(pair.routers.front(), *services.pair().slm());
  for (const std::string& note : services.pair().notes()) watcher.note(note);
  if (!calibrate(services, router, options, watcher)) return std::nullopt;
  save_router(out, router);
  return what_is_known(router.info);
}

}  // namespace citer
