// What the server promises, and what watching it shows, on the bundled pair.
#include <atomic>

#include "route/promise_watch.h"
#include "serve/server.h"
#include "support/odd_models.h"
#include "support/temp_dir.h"

namespace citer {
namespace {

using test::kQuestion;

class ServedPromise : public test::ServerTest {
 protected:
  void start_promising(bool audit) {
    api_.defaults.promise = PromiseOptions{0.9, 0.95};
    api_.defaults.audit = audit;
    pair_.routers = {(folder_ / "router.gguf").string()};
    write_evidence(pair_.routers.front());
    service_options_.by_times = false;  // every answer is routed
    api_.on_note = [this](const std::string&) { ++notes_; };
    start();
  }
  /// The bundled router with harms among 1,000 right answers of the LLM, and 300 validation answers
  /// at each threshold, where the LLM would have written up to 20 % of the SLM's tokens otherwise.
  static void write_evidence(const std::string& path) {
    constexpr std::size_t kThresholds = 10;
    const std::vector<double> harms = {300, 200, 150, 130, 120, 50, 40, 30, 20, 10};
    std::vector<double> answers;
    for (std::size_t i = 0; i < kThresholds * kDisagreementBins; ++i) {
      answers.push_back(i % kDisagreementBins < 10 ? 30 : 0);
    }
    test::edit_gguf(CITER_SOURCE_DIR "/models/demo/router-citer.gguf", path, [&](gguf_context* g) {
      const char* task = "shop";
      const double examples = 1000;
      gguf_set_arr_str(g, "citer.evidence.tasks", &task, 1);
      const auto set = [&](const char* key, const double* values, std::size_t n) {
        gguf_set_arr_data(g, key, GGUF_TYPE_FLOAT64, values, n);
      };
      set("citer.evidence.examples", &examples, 1);
      set("citer.evidence.harms", harms.data(), harms.size());
      set("citer.evidence.disagreements", answers.data(), answers.size());
    });
  }

  Json citer_of(Json body) const { return answer("/v1/completions", body)["citer"]; }
  Json promise() const { return Json::parse(client().Get("/props")->body)["promise"]; }

  test::TempDir folder_;
  std::atomic<int> notes_ = 0;
};

TEST_F(ServedPromise, StandsInTheAnswerAndInTheMetrics) {
  start_promising(true);
  const Json shown = citer_of({{"prompt", kQuestion}, {"max_tokens", 60}});
  EXPECT_EQ(shown["promise"]["accuracy"], 0.9);
  EXPECT_EQ(shown["promise"]["confidence"], 0.95);
  EXPECT_EQ(shown["promise"]["threshold"], shown["threshold"]);
  EXPECT_EQ(shown["promise"]["holds"], true);
  EXPECT_EQ(promise()["threshold"], shown["threshold"]);
  EXPECT_EQ(metric("citer_promise_accuracy"), 0.9);
  EXPECT_EQ(metric("citer_promise_confidence"), 0.95);
  EXPECT_EQ(metric("citer_promise_threshold"), shown["threshold"].get<double>());
  EXPECT_EQ(metric("citer_promise_holds"), 1);
  EXPECT_EQ(metric("citer_promise_watched_answers_total"), 1);
  EXPECT_GT(metric("citer_audited_tokens_total{llm_agrees=\"yes\"}"), 0);
}

TEST_F(ServedPromise, IsOfRequestsThatNameNoRouting) {
  start_promising(false);
  const auto promised = [&](const Json& more) {
    Json body = {{"prompt", kQuestion}, {"max_tokens", 8}};
    body.update(more);
    return citer_of(body).contains("promise");
  };
  EXPECT_TRUE(promised(Json::object()));
  EXPECT_TRUE(promised({{"model", "citer"}}));
  EXPECT_FALSE(promised({{"model", "slm"}}));
  EXPECT_FALSE(promised({{"model", "citer-budget-0.1"}}));
  EXPECT_FALSE(promised({{"citer", {{"threshold", 0.5}}}}));
  EXPECT_EQ(metric("citer_promise_watched_answers_total"), 0) << "nothing is audited";
}

TEST_F(ServedPromise, TrafficOfAnotherKindIsSaidOnce) {
  start_promising(true);
  constexpr int kMost = 80;
  const auto ask = [&](int i) {
    answer("/v1/completions",
           {{"prompt", "Once upon a time, in year " + std::to_string(7 * i)}, {"max_tokens", 30}});
  };
  int asked = 0;
  while (asked < kMost && promise()["holds"] == true) ask(asked++);
  EXPECT_LT(asked, kMost);
  ask(asked);
  EXPECT_EQ(notes_, 1);
  EXPECT_EQ(metric("citer_promise_holds"), 0);
  EXPECT_GE(metric("citer_promise_evidence_against"), 20);
  EXPECT_EQ(citer_of({{"prompt", kQuestion}, {"max_tokens", 8}})["promise"]["holds"], false);
}

}  // namespace
}  // namespace citer
