// docs/grafana/citer.json shows what the server exports, and all of it.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "serve/metrics.h"

namespace citer {
namespace {

using nlohmann::json;

std::set<std::string> matches(const std::string& text, const std::regex& pattern) {
  std::set<std::string> out;
  for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
    out.insert((*it)[1].str());
  }
  return out;
}

json dashboard() {
  std::ifstream file(CITER_SOURCE_DIR "/docs/grafana/citer.json");
  return json::parse(file);
}

/// The queries of all panels.
std::string queries(const json& board) {
  std::string text;
  for (const json& panel : board["panels"]) {
    for (const json& target : panel.value("targets", json::array())) {
      text += target["expr"].get<std::string>() + "\n";
    }
  }
  return text;
}

std::string exported_page() {
  MetricsPage page;
  RequestCounts requests;
  requests.count("/v1/completions", 200);
  requests.add_to(page);
  ServerMetrics metrics;
  metrics.watch({.threshold = 0.9}, {});
  ServiceStatus status;
  status.sessions_of_clients.capacity = 1;
  status.llm_server.emplace().kind = "citer";
  metrics.add_to(page, status);
  return page.text();
}

/// Without what a histogram's series have at their ends.
std::set<std::string> names_in(const std::string& text) {
  std::set<std::string> out;
  for (std::string name : matches(text, std::regex("(citer_[a-z_]+)\\{"))) {
    out.insert(std::regex_replace(name, std::regex("_(bucket|sum|count)$"), ""));
  }
  return out;
}

TEST(Dashboard, ShowsWhatTheServerExports) {
  const std::set<std::string> exported =
      matches(exported_page(), std::regex("# TYPE (citer_[a-z_]+) "));
  EXPECT_GT(exported.size(), 10U);
  EXPECT_EQ(names_in(queries(dashboard())), exported);
}

TEST(Dashboard, AsksForLabelsThatThereAre) {
  const std::string page = exported_page();
  const std::string text = queries(dashboard());
  std::set<std::string> labels = matches(text, std::regex("by \\(([a-z]+)\\)"));
  labels.merge(matches(text, std::regex(",([a-z]+=\"[a-z]+\")")));
  EXPECT_GT(labels.size(), 4U);
  for (const std::string& label : labels) {
    EXPECT_NE(page.find(label.find('=') == std::string::npos ? label + "=\"" : label),
              std::string::npos)
        << label;
  }
}

TEST(Dashboard, PanelsAreApart) {
  const json board = dashboard();
  std::set<int> ids;
  std::map<std::pair<int, int>, std::string> taken;
  for (const json& panel : board["panels"]) {
    EXPECT_TRUE(ids.insert(panel["id"].get<int>()).second) << panel["title"];
    const json& grid = panel["gridPos"];
    const int x = grid["x"];
    const int y = grid["y"];
    EXPECT_LE(x + grid["w"].get<int>(), 24) << panel["title"];
    for (int i = x; i < x + grid["w"].get<int>(); ++i) {
      for (int j = y; j < y + grid["h"].get<int>(); ++j) {
        EXPECT_TRUE(taken.emplace(std::pair(i, j), panel["title"]).second)
            << panel["title"] << " lies over " << taken.at({i, j});
      }
    }
  }
}

}  // namespace
}  // namespace citer
