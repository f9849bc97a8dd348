#include "serve/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>

namespace citer {
namespace {

using testing::HasSubstr;

std::string text_of(const ServerMetrics& metrics, const ServiceStatus& status = {}) {
  MetricsPage page;
  metrics.add_to(page, status);
  return page.text();
}

TEST(Metrics, HistogramCountsUpToEachBound) {
  Histogram histogram({0.1, 1});
  histogram.observe(0.1);
  histogram.observe(0.5, 2);
  histogram.observe(7);
  EXPECT_EQ(histogram.lines("h"),
            "h_bucket{le=\"0.1\"} 1\nh_bucket{le=\"1\"} 3\nh_bucket{le=\"+Inf\"} 4\n"
            "h_sum 8.1\nh_count 4\n");
  EXPECT_THAT(histogram.lines("h", "a=\"b\""),
              testing::AllOf(HasSubstr("h_bucket{a=\"b\",le=\"1\"} 3\n"),
                             HasSubstr("h_sum{a=\"b\"} 8.1\nh_count{a=\"b\"} 4\n")));
}

TEST(Metrics, RequestsAreCountedByRouteAndStatus) {
  RequestCounts counts;
  counts.count("/v1/completions", 200);
  counts.count("/v1/completions", 200);
  counts.count("other", 404);
  MetricsPage page;
  counts.add_to(page);
  EXPECT_THAT(page.text(),
              HasSubstr("citer_requests_total{endpoint=\"/v1/completions\",status=\"200\"} 2\n"));
  EXPECT_THAT(page.text(),
              HasSubstr("citer_requests_total{endpoint=\"other\",status=\"404\"} 1\n"));
}

TEST(Metrics, SamplesOfSeveralModelsStandTogether) {
  MetricsPage page;
  for (const char* name : {"a", "b"}) {
    page.set_common_label(std::string("served_model=\"") + name + "\"");
    page.add("citer_x", "gauge", "X.", "1");
    page.add("citer_y", "gauge", "Y.", "2", "writer=\"slm\"");
  }
  EXPECT_EQ(page.text(),
            "# HELP citer_x X.\n# TYPE citer_x gauge\n"
            "citer_x{served_model=\"a\"} 1\nciter_x{served_model=\"b\"} 1\n"
            "# HELP citer_y Y.\n# TYPE citer_y gauge\n"
            "citer_y{served_model=\"a\",writer=\"slm\"} 2\n"
            "citer_y{served_model=\"b\",writer=\"slm\"} 2\n");
}

TEST(Metrics, PageHoldsWhatWasCounted) {
  ServerMetrics metrics;
  metrics.prompt_tokens += 12;
  ServiceStatus status;
  status.active = 3;
  status.totals.llm_tokens = 5;
  const std::string page = text_of(metrics, status);
  EXPECT_THAT(page, HasSubstr("\nciter_active_sequences 3\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_tokens_total{writer=\"llm\"} 5\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_prompt_tokens_total 12\n"));
}

TEST(Metrics, APromiseThatTheLlmAloneKeeps) {
  ServerMetrics metrics;
  EXPECT_FALSE(metrics.promise().has_value());
  metrics.watch({.asked = {0.98, 0.9}, .needed = 149}, {});
  const std::string page = text_of(metrics);
  EXPECT_THAT(page, HasSubstr("\nciter_promise_accuracy 0.98\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_confidence 0.9\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_threshold 1\n"));
  EXPECT_THAT(page, HasSubstr("\nciter_promise_holds 1\n"));
}

/// Every sample belongs to a metric that was described just before, counters end in _total.
TEST(Metrics, PageIsWellFormed) {
  ServerMetrics metrics;
  metrics.watch({.threshold = 0.9}, {});
  std::istringstream page(text_of(metrics));
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
