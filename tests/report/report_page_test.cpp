// What the report shows, in a real browser.

#include <algorithm>
#include <map>

#include "eval/settings.h"
#include "report_page.h"

namespace citer::test {
namespace {

using nlohmann::ordered_json;

TEST_F(ReportPage, NamesPairAndData) {
  const json page = ask("", R"(return {
    title: one("h1").textContent,
    lang: document.documentElement.lang,
    models: texts("#models tbody td, #models tbody th"),
    data: texts("#data-choice label"),
    incomplete: seen("#incomplete"),
  };)");
  EXPECT_EQ(page["title"], "demo-slm (1.3\u00a0M) with demo-llm (24\u00a0M), on math and mc");
  EXPECT_EQ(page["lang"], "en");
  EXPECT_EQ(page["models"], json({"Small (SLM)", "llama 1.3M F16", "1.3\u00a0M", "2.6\u00a0MB",
                                  "models/demo-slm.gguf", "Large (LLM)", "llama 24M F16",
                                  "24\u00a0M", "48\u00a0MB", "models/demo-llm.gguf"}));
  EXPECT_EQ(page["data"], json({"math", "mc", "all"}));
  EXPECT_EQ(page["incomplete"], false);
}

TEST_F(ReportPage, ListsEverySettingWithItsFigures) {
  const json page = ask("data=mc", R"(return {
    policies: column("points-table", 1), accuracy: column("points-table", 3),
    interval: column("points-table", 4), share: column("points-table", 5),
    bytes: column("points-table", 6),
  };)");
  const RunSummary* llm = find_run(summary_, "mc", "llm");
  std::size_t row = 0;
  for (const RunSummary& run : summary_.runs) {
    if (run.setting.data != "mc") continue;
    ASSERT_LT(row, page["policies"].size());
    const auto shown = [&](const char* key) { return page[key][row].get<std::string>(); };
    EXPECT_NEAR(std::stod(shown("accuracy")), 100 * run.accuracy.value, 0.051);
    EXPECT_NEAR(std::stod(shown("interval")), 100 * run.accuracy.low, 0.051);
    EXPECT_NEAR(std::stod(shown("share")), 100 * run.llm_share.value, 0.051);
    EXPECT_NEAR(std::stod(shown("bytes")), 100 * run.bytes_moved / llm->bytes_moved, 0.051);
    ++row;
  }
  EXPECT_EQ(row, page["policies"].size());
}

TEST_F(ReportPage, RecommendsTheLeastShareThatIsAccurateEnough) {
  const json page = ask("points=recommended", R"(return {
    policies: texts("#points-table tbody .policy"), badges: texts("#points-table tbody .badge"),
    share: column("points-table", 5), tile: one("#tiles .tile:nth-child(3) b").textContent,
  };)");
  const double enough = 0.99 * find_run(summary_, "math", "llm")->accuracy.value;
  std::map<std::string, double> least;
  for (const RunSummary& run : summary_.runs) {
    const std::string& policy = run.setting.policy;
    if (run.setting.data != "math" || is_fixed_policy(policy)) continue;
    if (run.accuracy.value < enough) continue;
    const auto [at, is_new] = least.emplace(policy, run.llm_share.value);
    at->second = std::min(at->second, run.llm_share.value);
  }
  ASSERT_EQ(page["policies"].size(), least.size());
  ASSERT_GE(least.size(), 2U);
  double best = 1.0;
  for (std::size_t i = 0; i < least.size(); ++i) {
    const double share = least.at(page["policies"][i]);
    EXPECT_NEAR(std::stod(page["share"][i].get<std::string>()), 100 * share, 0.051);
    EXPECT_EQ(page["badges"][i], "recommended");
    best = std::min(best, share);
  }
  EXPECT_NEAR(std::stod(page["tile"].get<std::string>()), 100 * best, 0.051);
}

TEST_F(ReportPage, ShowsCurvesAndCalibration) {
  const json page = ask("", R"(return {
    apgr: column("figures-table", 2), curves: texts("#figures-table tbody .policy"),
    calibrated: texts("#calibration-table tbody .policy"), error: column("calibration-table", 2),
    separation: column("calibration-table", 3), tokens: column("bins-table", 2),
  };)");
  std::size_t row = 0;
  for (const CurveSummary& curve : summary_.curves) {
    if (curve.data != "math") continue;
    EXPECT_EQ(page["curves"][row], curve.policy);
    EXPECT_NEAR(std::stod(page["apgr"][row].get<std::string>()), curve.apgr, 0.00051);
    ++row;
  }
  EXPECT_EQ(page["curves"].size(), row);
  ASSERT_EQ(page["calibrated"], json({"maxprob", "citer", "random", "new-policy"}));
  // The sample's maxprob is calibrated by its making; the random score knows nothing.
  EXPECT_LT(std::stod(page["error"][0].get<std::string>()), 0.05);
  EXPECT_GT(std::stod(page["error"][2].get<std::string>()), 0.1);
  EXPECT_GT(std::stod(page["separation"][0].get<std::string>()), 0.6);
  EXPECT_NEAR(std::stod(page["separation"][2].get<std::string>()), 0.5, 0.03);
  EXPECT_EQ(page["tokens"].size(), static_cast<std::size_t>(ScoreBins::kBins));
}

TEST_F(ReportPage, ShowsWhatLearnedScoresClaim) {
  const json page = ask("", R"(return {
    legend: texts("#claims-legend button"),
    points: Chart.getChart("claims-chart").data.datasets[0].data.map(({ x, y }) => [x, y]),
  };)");
  EXPECT_EQ(page["legend"], json({"citer"}));
  EXPECT_EQ(page["points"], json({{0.4, 0.5}, {0.9, 0.85}, {1, 0.99}}));
}

TEST_F(ReportPage, ShowsTextAsText) {
  const json page = ask("", R"(return {
    prompt: one("#example-prompt").textContent, children: one("#example-prompt").childElementCount,
    token: all("#answer-a-tokens .token")[2].textContent, broken: window.broken ?? null,
    markup: all("#examples b, #examples img").filter((node) => !node.closest(".verdict")).length,
  };)");
  EXPECT_EQ(page["prompt"], kNasty);
  EXPECT_EQ(page["children"], 0);
  EXPECT_EQ(page["token"], " <b>&lt;x</b>");
  EXPECT_EQ(page["broken"], nullptr);
  EXPECT_EQ(page["markup"], 0);
}

TEST_F(ReportPage, OpensAnExampleThatRoutingPutsRight) {
  use(sample_results());
  for (ChunkRecord& chunk : results_.chunks) {
    chunk.examples[0].correct = true;
    chunk.examples[1].correct = chunk.setting.policy != "slm";
  }
  use(results_);
  EXPECT_EQ(ask("", "return [one('#example-pick').value, ...texts('.verdict strong')];"),
            json({"2", "\u2717 Wrong", "\u2713 Right"}));
}

TEST_F(ReportPage, ColoursTokensByWriterAndScore) {
  const json page = ask("theme=light&example=2&a=maxprob@0.9&b=llm@0", R"(
    const tokens = (side) => all(`#answer-${side}-tokens .token`).map((token) => ({
      text: token.textContent, writer: token.classList.contains("llm") ? 1 : 0, title: token.title,
      label: token.ariaLabel, doubt: Number(token.style.getPropertyValue("--doubt")),
      shade: getComputedStyle(token).backgroundColor }));
    return { a: tokens("a"), b: tokens("b"), gold: one("#example-gold").textContent,
      verdict: texts("#answer-a-verdict > *"), table: column("answer-a-table", 2) };)");
  const ordered_json data = report_data(results_, summary_);
  const ordered_json& runs = data["examples"][1]["runs"];
  const auto run = std::find_if(runs.begin(), runs.end(), [](const ordered_json& r) {
    return r["policy"] == "maxprob" && r["threshold"] == 0.9;
  });
  const ordered_json& tokens = (*run)["tokens"];
  ASSERT_EQ(page["a"].size(), tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const json& shown = page["a"][i];
    const bool llm = tokens[i][1] == 1;
    EXPECT_EQ(shown["writer"].get<int>(), tokens[i][1].get<int>());
    EXPECT_NEAR(shown["doubt"].get<double>(), 1 - tokens[i][2].get<double>(), 0.001);
    EXPECT_THAT(shown["title"].get<std::string>(),
                testing::StartsWith(llm ? "LLM, score 0." : "SLM, score 0."));
    EXPECT_THAT(shown["label"].get<std::string>(), testing::HasSubstr(shown["title"]));
    EXPECT_EQ(page["table"][i], llm ? "LLM" : "SLM");
    EXPECT_EQ(page["b"][i]["writer"], 1);
  }
  const auto by_slm = std::find_if(page["a"].begin(), page["a"].end(),
                                   [](const json& token) { return token["writer"] == 0; });
  ASSERT_NE(by_slm, page["a"].end());
  const std::string blue = "rgba(26, 122, 196, ";
  const std::string orange = "rgba(226, 112, 10, ";
  EXPECT_THAT((*by_slm)["shade"].get<std::string>(), testing::StartsWith(blue));
  EXPECT_THAT(page["b"][0]["shade"].get<std::string>(), testing::StartsWith(orange));
  EXPECT_EQ(page["gold"], "42");
  EXPECT_THAT(page["verdict"][0].get<std::string>(),
              testing::EndsWith((*run)["correct"].get<bool>() ? "Right" : "Wrong"));
}

TEST_F(ReportPage, SaysWhatIsMissing) {
  EvalResults results = sample_results_of({"maxprob"});
  results.complete = false;
  for (ChunkRecord& chunk : results.chunks) {
    for (ExampleRecord& example : chunk.examples) example.tokens.clear();
  }
  use(std::move(results));
  const json page = ask("cost=bytes", R"(return { incomplete: seen("#incomplete"),
    figures: seen("#figures-empty"), examples: seen("#examples-empty"), body: seen("#examples-body"),
    cost: seen("#cost-choice"), rows: all("#points-table tbody tr").length };)");
  EXPECT_EQ(page["incomplete"], true);
  EXPECT_EQ(page["figures"], true);
  EXPECT_EQ(page["examples"], true);
  EXPECT_EQ(page["body"], false);
  EXPECT_EQ(page["cost"], false);
  EXPECT_EQ(page["rows"], 5);
}

TEST_F(ReportPage, ShowsAPairWithoutPolicies) {
  use(sample_results_of({"slm", "llm"}));
  const json page =
      ask("", R"(return { scores: seen("#scores-empty"), charts: seen("#score-charts"),
    rows: all("#points-table tbody tr").length, answers: texts(".verdict").length };)");
  EXPECT_EQ(page["scores"], true);
  EXPECT_EQ(page["charts"], false);
  EXPECT_EQ(page["rows"], 2);
  EXPECT_EQ(page["answers"], 2);
}

TEST_F(ReportPage, SurvivesAnEvaluationWithoutRecords) {
  EvalResults results = sample_results_of({"slm", "llm", "maxprob"});
  results.chunks.clear();
  results.complete = false;
  use(std::move(results));
  EXPECT_EQ(ask("", "return seen('#incomplete');"), true);
}

}  // namespace
}  // namespace citer::test
