// The report's file, without a browser.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>
#include <string>

#include <nlohmann/json.hpp>

#include "eval/report.h"
#include "sample_results.h"

namespace citer::test {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

std::string report_of(const EvalResults& results) {
  return report_html(results, summarize(results));
}

/// The text of the script element that holds the data.
std::string data_text(const std::string& html) {
  const std::string start = R"(<script type="application/json" id="data">)";
  const std::size_t from = html.find(start) + start.size();
  return html.substr(from, html.find("</script>", from) - from);
}

TEST(ReportFile, AsksNothingOfTheNetwork) {
  const std::string html = report_of(sample_results());
  const std::regex reference(
      R"re((\b(src|href|action|poster)\s*=\s*["']?\s*(https?:|//))|(url\(\s*["']?\s*(https?:|//))|(@import))re",
      std::regex::icase);
  // Prompts and answers stand in the data as text and are no references.
  std::string page = html;
  page.erase(page.find(data_text(html)), data_text(html).size());
  EXPECT_FALSE(std::regex_search(page, reference));
  EXPECT_THAT(page, testing::HasSubstr("Content-Security-Policy\" content=\"default-src 'none';"));
  EXPECT_THAT(page, testing::Not(testing::HasSubstr("<link")));
}

TEST(ReportFile, FillsEveryPlace) {
  const std::string html = report_of(sample_results());
  EXPECT_THAT(html, testing::Not(testing::HasSubstr("{{")));
  EXPECT_THAT(html, testing::HasSubstr("Chart.js v3"));
}

TEST(ReportFile, HoldsTheDataWhateverTheTextsAre) {
  EvalResults results = sample_results();
  results.chunks[0].examples[1].prompt = "half a character: \xc3";
  const std::string text = data_text(report_of(results));
  EXPECT_THAT(text, testing::Not(testing::HasSubstr("<")));
  const json data = json::parse(text);
  EXPECT_EQ(data["runs"].size(), 3U * (3 + 4 * 5));
  EXPECT_EQ(data["examples"][0]["prompt"], kNasty);
  EXPECT_EQ(data["examples"][1]["prompt"], "half a character: \xef\xbf\xbd");
}

}  // namespace
}  // namespace citer::test
