// The fuzz targets without a fuzzer: each seed, and some thousand inputs made of seeds, the same
// each time.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <ostream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/rng.h"
#include "fuzz/targets.h"

namespace citer::fuzz {

void PrintTo(const Target& target, std::ostream* out) { *out << target.name; }

namespace {

namespace fs = std::filesystem;

constexpr int kChanged = 500;  ///< inputs made of each target's seeds

std::vector<std::string> seeds_of(const Target& target) {
  std::vector<fs::path> paths;
  for (const auto& entry :
       fs::directory_iterator(fs::path(CITER_SOURCE_DIR "/tests/fuzz/seeds") / target.name)) {
    paths.push_back(entry.path());
  }
  std::sort(paths.begin(), paths.end());
  std::vector<std::string> seeds(paths.size());
  std::transform(paths.begin(), paths.end(), seeds.begin(), read_file);
  return seeds;
}

std::size_t any_place(Rng& rng, const std::string& text) {
  return static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(text.size())));
}

/// The beginning of one seed and the end of another, with up to four bytes changed.
std::string changed(const std::vector<std::string>& seeds, Rng& rng) {
  const auto any_seed = [&]() -> const std::string& {
    return seeds[static_cast<std::size_t>(
        rng.uniform(0, static_cast<std::int64_t>(seeds.size()) - 1))];
  };
  const std::string& first = any_seed();
  const std::string& second = any_seed();
  std::string text = first.substr(0, any_place(rng, first));
  text += second.substr(
      std::min(second.size(), rng.uniform(0, 1) == 0 ? text.size() : any_place(rng, second)));
  for (std::int64_t n = rng.uniform(0, 4); n > 0 && !text.empty(); --n) {
    text[any_place(rng, text) % text.size()] = static_cast<char>(rng.uniform(0, 255));
  }
  return text;
}

class Fuzz : public testing::TestWithParam<Target> {};

TEST_P(Fuzz, SeedsAndWhatIsMadeOfThemDoNoHarm) {
  const std::vector<std::string> seeds = seeds_of(GetParam());
  ASSERT_FALSE(seeds.empty());
  for (const std::string& seed : seeds) EXPECT_NO_THROW(GetParam().run(seed));
  Rng rng(18);
  for (int i = 0; i < kChanged; ++i) {
    const std::string text = changed(seeds, rng);
    EXPECT_NO_THROW(GetParam().run(text)) << "input " << i << ": " << testing::PrintToString(text);
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, Fuzz, testing::ValuesIn(targets().begin(), targets().end()),
                         [](const auto& target) { return std::string(target.param.name); });

}  // namespace
}  // namespace citer::fuzz
