// How the report is used: pointer, keyboard, address.

#include "report_page.h"

namespace citer::test {
namespace {

using ReportUse = ReportPage;

TEST_F(ReportUse, PointingAtAPointSaysWhatItIs) {
  const json page = ask("", R"(
    const chart = Chart.getChart("curve-chart");
    const set = chart.data.datasets.findIndex((dataset) => dataset.policy === "citer");
    const point = chart.getDatasetMeta(set).data[2];
    const box = chart.canvas.getBoundingClientRect();
    chart.canvas.dispatchEvent(new MouseEvent("mousemove",
      { clientX: box.left + point.x, clientY: box.top + point.y, bubbles: true }));
    for (let frame = 0; frame < 2; ++frame) await new Promise(requestAnimationFrame);
    return { title: chart.tooltip.title, lines: chart.tooltip.body[0].lines };)");
  EXPECT_EQ(page["title"], json({"citer at 0.700"}));
  ASSERT_EQ(page["lines"].size(), 4U);
  EXPECT_THAT(page["lines"][0].get<std::string>(), testing::HasSubstr("Accuracy"));
  EXPECT_THAT(page["lines"][1].get<std::string>(), testing::HasSubstr("LLM share"));
}

TEST_F(ReportUse, AddressHoldsTheState) {
  const json page =
      ask("data=all&cost=bytes&hide=random,slm&points=frontier&sort=-share&example=5&a=citer%400.5"
          "&theme=dark&bins=random",
          R"(
    const shown = () => ({
      data: one("#data-choice :checked").value, cost: one("#cost-choice :checked").value,
      hidden: texts("#curve-legend [aria-pressed=false]"), example: one("#example-pick").value,
      points: one("#points-choice :checked").value, sorted: one("[aria-sort=descending]").dataset.key,
      a: [one("#answer-a-policy").value, one("#answer-a-threshold").value],
      theme: document.documentElement.dataset.theme, bins: one("#bins-policy").value,
      axis: Chart.getChart("curve-chart").options.scales.x.title.text, hash: location.hash,
    });
    const before = shown();
    one("#data-choice [value=mc]").click();
    one("#curve-legend [data-policy=random]").click();
    one("#example-back").click();
    one("[data-key=accuracy] button").click();
    return { before, after: location.hash };)");
  const json& shown = page["before"];
  EXPECT_EQ(shown["data"], "all");
  EXPECT_EQ(shown["cost"], "bytes");
  EXPECT_EQ(shown["hidden"], json({"SLM alone", "random"}));
  EXPECT_EQ(shown["points"], "frontier");
  EXPECT_EQ(shown["sorted"], "share");
  EXPECT_EQ(shown["example"], "5");
  EXPECT_EQ(shown["a"], json({"citer", "0.5"}));
  EXPECT_EQ(shown["theme"], "dark");
  EXPECT_EQ(shown["bins"], "random");
  EXPECT_EQ(shown["axis"], "Bytes moved, % of the LLM alone");
  const std::string after = page["after"];
  EXPECT_THAT(after, testing::HasSubstr("data=mc"));
  EXPECT_THAT(after, testing::HasSubstr("hide=slm&"));
  EXPECT_THAT(after, testing::HasSubstr("sort=accuracy"));
  EXPECT_THAT(after, testing::HasSubstr("example=2"));
}

TEST_F(ReportUse, BadAddressesShowTheDefaults) {
  const json page =
      ask("data=nothing&cost=%E0%A4%A&points=x&sort=y&example=-7&a=z@w&theme=pink&bins=q",
          R"(return { data: one("#data-choice :checked").value,
      cost: one("#cost-choice :checked").value, rows: all("#points-table tbody tr").length,
      example: one("#example-pick").value, tokens: all("#answer-a-tokens .token").length };)");
  EXPECT_EQ(page["data"], "math");
  EXPECT_EQ(page["cost"], "share");
  EXPECT_EQ(page["rows"], 23);
  EXPECT_EQ(page["example"], "1");
  EXPECT_GT(page["tokens"], 0);
}

TEST_F(ReportUse, SortsByEveryColumn) {
  const json page = ask("", R"(
    const value = (text) => text.startsWith("<") ? 0 : Number.parseFloat(text.replaceAll(",", ""));
    return all("#points-table thead th").slice(1).map((head, i) => [1, -1].map((direction) => {
      head.querySelector("button").click();
      const values = column("points-table", i + 2).map(value);
      const numbers = values.filter((v) => !Number.isNaN(v));
      const ordered = numbers.every((v, k) => k === 0 || direction * (v - numbers[k - 1]) >= 0);
      const dashesLast = values.slice(numbers.length).every(Number.isNaN);
      return ordered && dashesLast && head.ariaSort === (direction > 0 ? "ascending" : "descending");
    }));)");
  ASSERT_EQ(page.size(), 10U);
  for (std::size_t i = 0; i < page.size(); ++i) {
    EXPECT_EQ(page[i], json({true, true})) << "column " << i + 2;
  }
}

TEST_F(ReportUse, IsUsedByKeyboard) {
  const json page = ask("", R"(
    const named = (node) => Boolean(node.ariaLabel || node.getAttribute("aria-labelledby") ||
      node.textContent.trim() || node.labels?.length);
    const controls = all("a, button, select, input, summary, [tabindex='0']");
    const skip = one(".skip");
    skip.click();
    const skipped = document.activeElement.id;
    one("#answer-b-tokens .token").focus();
    for (const key of ["ArrowRight", "ArrowRight", "ArrowLeft"]) press(key);
    const second = document.activeElement.dataset.place;
    const reading = one("#answer-b-reading").textContent;
    press("End");
    const last = document.activeElement.dataset.place;
    const tokenStops = all("#answer-b-tokens [tabindex='0']").length;
    one("#curve-legend button").focus();
    one("#curve-legend button").click();
    const kept = document.activeElement === one("#curve-legend button");
    one("#points-table [data-key=share] button").focus();
    one("#points-table [data-key=share] button").click();
    return { unnamed: controls.filter((node) => !named(node)).map((node) => node.outerHTML),
      skipped, second, reading, last, tokenStops, kept,
      keptHead: document.activeElement === one("#points-table [data-key=share] button"),
      clickOnly: all("[onclick]").length,
      boxes: all(".scroll").every((box) => box.tabIndex === 0 && box.role === "region") };)");
  EXPECT_EQ(page["unnamed"], json::array());
  EXPECT_EQ(page["skipped"], "content");
  EXPECT_EQ(page["second"], "1");
  EXPECT_THAT(page["reading"].get<std::string>(),
              testing::MatchesRegex("Token 2 of 24, .*score 0.*"));
  EXPECT_EQ(page["last"], "23");
  EXPECT_EQ(page["tokenStops"], 1);
  EXPECT_EQ(page["kept"], true);
  EXPECT_EQ(page["keptHead"], true);
  EXPECT_EQ(page["clickOnly"], 0);
  EXPECT_EQ(page["boxes"], true);
}

}  // namespace
}  // namespace citer::test
