#include <algorithm>
#include <set>

#include "document.h"

namespace citer::demo {

// Every word is met by drawing often: the rarest (an animal's name, a value) is still expected a
// hundred times. Numbers and single bytes are tokens anyway.
std::vector<std::string> generator_words() {
  constexpr int kDraws = 40000;
  std::set<std::string> words;
  const auto add = [&](const std::string& text) {
    for (std::string_view word : pre_tokenize(text)) {
      if (word.size() > 1) words.emplace(word);
    }
  };
  Rng rng(1);
  for (int i = 0; i < kDraws; ++i) {
    const MathProblem math = draw_math(rng);
    add(math.prompt() + math.solution.text);
    const McProblem mc = draw_mc(rng);
    add(mc.prompt() + draw_mc_answer(mc.about, true_value(mc.about), rng).text.text);
    add(arithmetic_drill(4, rng).text());
    add(profiles(2, rng).text());
  }
  return {words.begin(), words.end()};
}

}  // namespace citer::demo
