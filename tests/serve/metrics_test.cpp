#include "serve/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

namespace citer {
namespace {

using testing::HasSubstr;

TEST(Metrics, HistogramCountsUpToEachBound) {
  Histogram histogram({0.1, 1});
  histogram.observe(0.1);
  histogram.observe(0.5, 2);
  histogram.observe(7);
  EXPECT_EQ(histogram.lines("h"),
            "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 4\n"
            "h_sum 8.1\nh_count 4\n");
}

TEST(Metrics, PageHoldsWhatWasCounted) {
  ServerMetrics metrics;
  metrics.count_request("/v1/completions", 200);
  metrics.count_request("/v1/completions", 200);
  metrics.count_request("other", 404);
  metrics.prompt_tokens += 12;
  ServiceStatus status;
  status.active = 3;
  status.totals.llm_tokens = 5;
  const std::string page = metrics.text(status);
  EXPECT_THAT(page,
              HasSubstr("citer_requests_total{endpoint=\"/v1/completions\",status=\"200\"} 2\n"));
  EXPECT_THAT(page, HasSubstr("citer_requests_total{endpoint=\"other\",status=\"404\"} 1\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_active_sequences 3\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_tokens_total{writer=\"llm\"} 5\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_prompt_tokens_total 12\n"));
}

TEST(Metrics, APromiseThatTheLlmAloneKeeps) {
  ServerMetrics metrics;
  EXPECT_FALSE(metrics.promise().has_value());
  metrics.watch({.asked = {0.98, 0.9}, .needed = 149}, {});
  const std::string page = metrics.text({});
  EXPECT_THAT(page, HasSubstr("\nciter_promise_accuracy 0.98\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_confidence 0.9\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_threshold 1\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_holds 1\n"));
}

/// Every sample belongs to a metric that was described just before, counters end in _total.
TEST(Metrics, PageIsWellFormed) {
  ServerMetrics metrics;
  metrics.watch({.threshold = 0.9}, {});
  std::istringstream page(metrics.text({}));
  std::string name;
  std::string type;
  std::set<std::string> seen;
  for (std::string line; std::getline(page, line);) {
    std::istringstream words(line);
    std::string first;
    words >> first;
    if (first == "#") {
      std::string kind;
      std::string subject;
      words >> kind >> subject;
      if (kind == "HELP") {
        EXPECT_TRUE(seen.insert(subject).second) << subject;
        name = subject;
        continue;
      }
      words >> type;
      EXPECT_EQ(subject, name);
      EXPECT_EQ(type == "counter", name.ends_with("_total")) << name;
      continue;
    }
    EXPECT_TRUE(first.starts_with(name)) << line;
  }
  EXPECT_GT(seen.size(), 10U);
}

}  // namespace
}  // namespace citer
