#include "math_task.h"

#include <cctype>

#include "math_templates.h"
#include "words.h"

namespace citer::demo {
namespace {

constexpr int kLargest = 399;

template <class List>
const auto& pick(const List& list, Rng& rng) {
  return list[static_cast<std::size_t>(rng.uniform(0, static_cast<std::int64_t>(list.size()) - 1))];
}

/// Two different elements.
template <class List>
auto pick_two(const List& list, Rng& rng) {
  const auto n = static_cast<std::int64_t>(list.size());
  const auto first = rng.uniform(0, n - 1);
  auto second = rng.uniform(0, n - 2);
  if (second >= first) ++second;
  return std::pair{list[static_cast<std::size_t>(first)], list[static_cast<std::size_t>(second)]};
}

Slots draw_words(Rng& rng) {
  Slots slots;
  const auto [first, second] = pick_two(persons(), rng);
  slots['N'] = first.name;
  slots['H'] = first.upper;
  slots['h'] = first.lower;
  slots['P'] = second.name;
  const auto [one, other] = pick_two(things(), rng);
  slots['o'] = one;
  slots['p'] = other;
  const Container& container = pick(containers(), rng);
  slots['c'] = container.many;
  slots['k'] = container.one;
  slots['D'] = pick(weekdays(), rng);
  return slots;
}

Numbers draw_numbers(const MathTemplate& kind, Rng& rng) {
  for (;;) {
    Numbers numbers;
    kind.draw(numbers, rng);
    const bool steps_positive = numbers['x'] > 0 && numbers['y'] > 0 && numbers[kind.result] > 0;
    if (steps_positive && numbers.within(kLargest)) return numbers;
  }
}

/// Reads digits at `at` and moves past them; -1 if there are none.
int read_number(const std::string& text, std::size_t& at) {
  int value = -1;
  for (; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])); ++at) {
    value = (value < 0 ? 0 : value * 10) + (text[at] - '0');
  }
  return value;
}

}  // namespace

bool Numbers::within(int largest) const {
  for (int value : values_) {
    if (value < 0 || value > largest) return false;
  }
  return true;
}

const std::vector<MathTemplate>& math_templates() {
  static const std::vector<MathTemplate> kAll = [] {
    std::vector<MathTemplate> all;
    for (const auto& some : {two_step_templates(), three_step_templates(), four_step_templates()}) {
      all.insert(all.end(), some.begin(), some.end());
    }
    return all;
  }();
  return kAll;
}

std::string MathProblem::prompt() const { return "Question: " + problem + "\nSolution:"; }

MathProblem draw_math(Rng& rng) {
  return draw_math(static_cast<std::size_t>(
                       rng.uniform(0, static_cast<std::int64_t>(math_templates().size()) - 1)),
                   rng);
}

MathProblem draw_math(std::size_t template_index, Rng& rng) {
  const MathTemplate& kind = math_templates().at(template_index);
  const Numbers numbers = draw_numbers(kind, rng);
  Slots slots = draw_words(rng);
  for (char key = 'a'; key <= 'z'; ++key) {
    if (numbers[key] != 0) slots[key] = std::to_string(numbers[key]);
  }
  MathProblem out;
  out.template_index = template_index;
  out.result = numbers[kind.result];
  out.problem = expand(kind.question, slots, rng).text;
  slots['r'] = "{" + std::to_string(out.result) + "}";
  const std::string pattern =
      " " + std::string(kind.solution) + " <answer> <final> answer is \\boxed{r}.";
  out.solution = expand(pattern, slots, rng);
  return out;
}

std::vector<WrittenStep> steps_in(const std::string& text) {
  std::vector<WrittenStep> found;
  for (std::size_t at = text.find_first_of("+-*/"); at != std::string::npos;
       at = text.find_first_of("+-*/", at + 1)) {
    if (at < 2 || text[at - 1] != ' ') continue;
    std::size_t left = at - 1;
    while (left > 0 && std::isdigit(static_cast<unsigned char>(text[left - 1])) != 0) --left;
    WrittenStep written;
    written.step.op = text[at];
    written.step.a = read_number(text, left);
    std::size_t right = at + 2;
    written.step.b = read_number(text, right);
    if (written.step.a < 0 || written.step.b < 0 || text.compare(right, 3, " = ") != 0) continue;
    written.result_at = right + 3;
    found.push_back(written);
  }
  return found;
}

}  // namespace citer::demo
