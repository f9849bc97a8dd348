// The server's page in a headless Chromium, by real clicks and keys: scenarios.mjs drives it.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "support/find_program.h"
#include "support/subprocess.h"

namespace citer::test {
namespace {

/// Seconds a scenario may take; it takes about two.
constexpr unsigned kTimeLimit = 120;

class PageTest : public testing::TestWithParam<const char*> {};

TEST_P(PageTest, InTheBrowser) {
  const auto chromium = find_chromium();
  const auto node = find_program({"node", "nodejs"});
  if (chromium.empty() || node.empty()) GTEST_SKIP() << "chromium or node is not installed";
  std::filesystem::create_directories(CITER_PICTURE_DIR);
  const ProcessResult result =
      run_process(node,
                  {CITER_SOURCE_DIR "/tests/page/scenarios.mjs", CITER_PROGRAM, chromium.string(),
                   CITER_PICTURE_DIR, GetParam()},
                  {.environment = {{"CITER_MODEL_DIR", CITER_SOURCE_DIR "/models/demo"}},
                   .time_limit = kTimeLimit});
  EXPECT_EQ(result.status, 0) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    Page, PageTest,
    testing::Values("SendsByClickAndShowsTheAnswer", "SendsByEnterAndStartsALineByShiftEnter",
                    "ColoursTokensByWriter", "TellsATokensScoreOnHover",
                    "TellsATokensScoreByKeyboard", "ListsAllTokensInATable",
                    "SliderGoesFromOneModelToTheOther", "ThresholdByKeyboard",
                    "ComparesThreeAnswers", "GoesOnWithTheConversation", "ExampleFillsThePrompt",
                    "ContinuesPlainText", "StopsAnAnswer", "WantsTheRightKey",
                    "SaysWhenTheServerIsGone", "ShowsTextAsText", "LaysTokensOverCharacters",
                    "EveryControlHasAName", "KeyboardReachesEverything", "FollowsTheSystemsColours",
                    "TextHasContrast", "FitsAPhone", "RendersMarkdownAndFormulas",
                    "TakesNoMarkupOfAModels", "KeepsTheConversation",
                    "ShowsWhatEachModelWouldHaveWritten", "PromisesByTheSlider", "ShowsADashboard",
                    "ChoosesAmongSeveralModels", "ShowsHowFarLongWorkIs",
                    "ShowsTheCurvesOfATraining", "PicturesAreKept"),
    [](const auto& name) { return std::string(name.param); });

}  // namespace
}  // namespace citer::test
