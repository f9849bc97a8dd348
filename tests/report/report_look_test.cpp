// How the report looks: charts, colours, contrast, a phone.

#include <filesystem>
#include <tuple>

#include "base/file.h"
#include "report_page.h"

namespace citer::test {
namespace {

using ReportLook = ReportPage;

TEST_F(ReportLook, DrawsItsCharts) {
  const json page = ask("cost=time", R"(
    const painted = (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      let count = 0;
      for (let i = 3; i < data.length; i += 4) count += data[i] > 0;
      return count;
    };
    return all("canvas").map((canvas) => ({ id: canvas.id, painted: painted(canvas),
      label: canvas.ariaLabel, role: canvas.role,
      points: Chart.getChart(canvas).data.datasets.map((set) => set.data.length) }));)");
  ASSERT_EQ(page.size(), 4U);
  for (const json& chart : page) {
    EXPECT_GT(chart["painted"], 5000) << chart["id"];
    EXPECT_EQ(chart["role"], "img");
    const bool of_training = chart["id"] == "claims-chart";
    EXPECT_THAT(chart["label"].get<std::string>(),
                testing::HasSubstr(of_training ? "held out in training" : "on math"))
        << chart["id"];
  }
  EXPECT_EQ(page[0]["points"], json({1, 1, 1, 5, 5, 5, 5}));
}

TEST_F(ReportLook, TellsPoliciesApartWithoutColour) {
  const json page = ask("", R"(
    return Chart.getChart("curve-chart").data.datasets.map((set) => ({ colour: set.borderColor,
      look: [set.pointStyle, set.pointRotation, set.pointBackgroundColor === set.borderColor,
        set.borderDash] }));)");
  EXPECT_EQ(page.size(), 7U);
  for (std::size_t i = 0; i < page.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      EXPECT_NE(page[i]["colour"], page[j]["colour"]);
      EXPECT_NE(page[i]["look"], page[j]["look"]);
    }
  }
}

/// Text below the contrast WCAG 2 asks for at level AA: 4.5, or 3 where it is large.
std::string faint_texts() {
  return read_file(CITER_SOURCE_DIR "/tests/support/contrast.js") + R"(
  const faint = all("body *").filter((node) => node.checkVisibility() && !node.disabled &&
    [...node.childNodes].some((child) => child.nodeType === 3 && child.textContent.trim()) &&
    !node.closest("script, noscript, option") && contrast(node) <
      (Number.parseFloat(getComputedStyle(node).fontSize) >= 24 ? 3 : 4.5));
  const pale = all(".symbol").filter((node) => {
    const below = backdrop(node.parentElement);
    const pair = [parse(getComputedStyle(node).stroke).rgb, below].map(luminance).sort((a, b) => b - a);
    return node.checkVisibility() && (pair[0] + 0.05) / (pair[1] + 0.05) < 3;
  });
  return [...faint, ...pale].map((node) => `${contrast(node).toFixed(2)}: ${node.outerHTML.slice(0, 120)}`);
)";
}

TEST_F(ReportLook, TextHasContrastInLight) {
  EXPECT_EQ(ask("theme=light&hide=random&b=maxprob@0.9", faint_texts()), json::array());
}

TEST_F(ReportLook, TextHasContrastInDark) {
  EXPECT_EQ(ask("theme=dark&hide=random&b=maxprob@0.9", faint_texts()), json::array());
}

TEST_F(ReportLook, FollowsTheSystemsColours) {
  const std::string theme =
      "return [document.documentElement.dataset.theme, one('#theme-choice :checked').value];";
  EXPECT_EQ(ask("", theme, {"--blink-settings=preferredColorScheme=0"}), json({"dark", "auto"}));
  EXPECT_EQ(ask("", theme, {"--blink-settings=preferredColorScheme=1"}), json({"light", "auto"}));
}

TEST_F(ReportLook, FitsAPhone) {
  const json page = ask_in_frame(360, R"(
    const wide = all("body *").filter((node) => !node.closest(".scroll, pre, .hidden, .skip, svg") &&
      node.checkVisibility() && node.getBoundingClientRect().right > innerWidth + 0.5);
    return { inner: innerWidth, scroll: document.documentElement.scrollWidth,
      wide: wide.map((node) => node.outerHTML.slice(0, 100)) };)");
  EXPECT_EQ(page["inner"], 360);
  EXPECT_LE(page["scroll"], 360);
  EXPECT_EQ(page["wide"], json::array());
}

TEST_F(ReportLook, PicturesAreKept) {
  use(sample_results());
  for (const auto& [name, address, width, height] :
       {std::tuple("report-light", "theme=light&b=maxprob@0.9", 1280, 4300),
        std::tuple("report-dark", "theme=dark&data=all&cost=bytes&b=maxprob@0.9", 1280, 4300),
        std::tuple("report-phone", "theme=light&b=maxprob@0.9", 360, 7400)}) {
    const auto path = browser_.picture(name, html_, address, width, height);
    ASSERT_TRUE(std::filesystem::exists(path)) << path;
    EXPECT_GT(std::filesystem::file_size(path), 50'000U) << path;
  }
}

}  // namespace
}  // namespace citer::test
