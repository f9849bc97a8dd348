#include "citer/error.h"
#include "citer/training.h"
#include "learn/promise.h"
#include "learn/rounds.h"
#include "learn/train.h"

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

}  // namespace citer
