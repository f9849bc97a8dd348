#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "browser.h"
#include "eval/report.h"
#include "sample_results.h"

namespace citer::test {

using nlohmann::json;

/// Functions for the scripts that run in the page.
inline constexpr const char* kHelpers = R"(
  const all = (selector) => [...document.querySelectorAll(selector)];
  const one = (selector) => document.querySelector(selector);
  const texts = (selector) => all(selector).map((node) => node.textContent.trim());
  const seen = (selector) => one(selector).checkVisibility();
  const column = (id, n) => texts(`#${id} tbody tr > :nth-child(${n})`);
  const press = (key) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true }));
)";

class ReportPage : public testing::Test {
 protected:
  void SetUp() override {
    if (!browser_.found()) GTEST_SKIP() << "chromium is not installed";
  }

  void use(EvalResults results) {
    results_ = std::move(results);
    summary_ = summarize(results_);
    html_ = report_html(results_, summary_);
  }

  /// Asks the page; it must have met no error.
  json ask(const std::string& address, const std::string& script,
           const std::vector<std::string>& options = {}) {
    if (html_.empty()) use(sample_results());
    json answer = browser_.ask(html_, address, checked(script), options);
    EXPECT_EQ(answer["error"], nullptr);
    return answer["value"];
  }

  json ask_in_frame(int width, const std::string& script) {
    if (html_.empty()) use(sample_results());
    return browser_.ask_in_frame(html_, width, checked(script))["value"];
  }

  static std::string checked(const std::string& script) {
    return std::string(kHelpers) + "const value = await (async () => {" + script +
           "})(); return { value, error: document.documentElement.dataset.error ?? null };";
  }

  Browser browser_;
  EvalResults results_;
  Summary summary_;
  std::string html_;
};

}  // namespace citer::test
