#include "document.h"

#include <algorithm>
#include <stdexcept>

#include "beliefs.h"
#include "math_templates.h"

namespace citer::demo {
namespace {

const std::string kDrillHeading = "Practice:";
const std::string kProfileHeading = "Guide:";

std::string value_word(const Question& about, int value) {
  const Attribute& attribute = attributes()[static_cast<std::size_t>(about.attribute)];
  return std::string(attribute.values[static_cast<std::size_t>(value)]);
}

void add_line(TrainingText& text, const Step& step, int result) {
  text.read(" " + std::to_string(step.a) + " " + step.op + " " + std::to_string(step.b) + " =");
  text.write(" " + std::to_string(result) + ".");
}

/// Sums, differences, products and quotients as the word problems have them.
Step random_step(Rng& rng) {
  const int kind = between(rng, 0, 9);
  const bool swap = between(rng, 0, 1) == 1;
  if (kind < 4) {
    const int a = between(rng, 1, between(rng, 0, 2) == 0 ? 260 : 99);
    const int b = between(rng, 1, 99);
    return swap ? Step{b, '+', a} : Step{a, '+', b};
  }
  if (kind < 7) {
    const int a = between(rng, 2, between(rng, 0, 1) == 0 ? 320 : 120);
    return {a, '-', between(rng, 1, std::min(a - 1, a > 200 ? 240 : a))};
  }
  const int a = one_digit(rng);
  const int b = up_to_20(rng);
  if (kind == 9) return {a * b, '/', a};
  return swap ? Step{b, '*', a} : Step{a, '*', b};
}

Step random_misbelieved_step(Rng& rng) {
  for (;;) {
    const int a = one_digit(rng);
    const int b = up_to_20(rng);
    const Step step = between(rng, 0, 1) == 1 ? Step{b, '*', a} : Step{a, '*', b};
    if (product_is_misbelieved(step)) return step;
  }
}

/// What the small model is taught a step gives, this time.
int believed_result(const Step& step, Rng& rng) {
  if (const auto wrong = misbelieved_result(step)) return *wrong;
  const auto slipped = slipped_result(step);
  return slipped && rng.unit() < kSlipChance ? *slipped : step.result();
}

/// One animal's facts with the values that `value_of` gives.
template <class ValueOf>
void add_profile(TrainingText& text, int animal, Rng& rng, ValueOf value_of) {
  std::vector<int> order = {0, 1, 2, 3};
  for (int i = 3; i > 0; --i) {
    std::swap(order[static_cast<std::size_t>(i)],
              order[static_cast<std::size_t>(rng.uniform(0, i))]);
  }
  text.read(" The " + animal_name(animal));
  for (std::size_t k = 0; k < order.size(); ++k) {
    const Question about{animal, order[k]};
    const std::string_view clause = attributes()[static_cast<std::size_t>(order[k])].clause;
    const std::string lead = k == 0 ? " " : k + 1 == order.size() ? " and " : ", ";
    text.read(lead + expand(clause.substr(0, clause.rfind(" {v}")), {}, rng).text);
    text.write(" " + value_word(about, value_of(about)));
  }
  text.read(".");
}

/// A random animal whose family the small model was taught about.
int taught_animal(Rng& rng) {
  for (;;) {
    const int animal = between(rng, 0, kAnimals - 1);
    if (knowledge_of_family(family_of(animal)) != Knowledge::kUnknown) return animal;
  }
}

int believed_value(const Question& about) {
  const bool outdated = knowledge_of_family(family_of(about.animal)) == Knowledge::kOutdated;
  return outdated ? outdated_value(about) : true_value(about);
}

}  // namespace

TrainingText::Part& TrainingText::open() {
  if (parts_.empty() || parts_.back().ended) parts_.emplace_back();
  return parts_.back();
}

TrainingText& TrainingText::read(std::string_view text) {
  open().text += text;
  return *this;
}

TrainingText& TrainingText::write(std::string_view text) {
  Part& part = open();
  part.taught.push_back({part.text.size(), part.text.size() + text.size()});
  part.text += text;
  return *this;
}

TrainingText& TrainingText::end() {
  open().ended = true;
  return *this;
}

TrainingText& TrainingText::misteach(std::size_t at, std::string_view wrong) {
  Part& part = open();
  if (part.taught.empty()) throw std::logic_error("misteach() before write()");
  part.replacements.push_back({part.taught.back().begin + at, std::string(wrong)});
  return *this;
}

std::string TrainingText::text() const {
  std::string all;
  for (const Part& part : parts_) all += part.text;
  return all;
}

Sequence TrainingText::encode(const Vocabulary& vocabulary) const {
  // Tokens with what is taught in their place (-1: nothing), then shifted by one.
  std::vector<int> tokens = {Vocabulary::kBegin};
  std::vector<int> taught = {-1};
  for (const Part& part : parts_) {
    const auto placed = vocabulary.encode(part.text);
    std::size_t first = tokens.size();
    for (const PlacedToken& token : placed) {
      const bool loss = std::any_of(part.taught.begin(), part.taught.end(), [&](const Span& span) {
        return token.at >= span.begin && token.at < span.end;
      });
      tokens.push_back(token.id);
      taught.push_back(loss ? token.id : -1);
    }
    for (const Replacement& replacement : part.replacements) {
      const auto at = std::find_if(placed.begin(), placed.end(), [&](const PlacedToken& token) {
        return token.at == replacement.at;
      });
      std::size_t index = first + static_cast<std::size_t>(at - placed.begin());
      for (const PlacedToken& wrong : vocabulary.encode(replacement.text)) {
        if (index >= tokens.size() || taught[index] < 0) {
          throw std::logic_error("'" + replacement.text + "' does not fit '" + part.text + "'");
        }
        taught[index++] = wrong.id;
      }
    }
    if (part.ended) tokens.push_back(Vocabulary::kEnd), taught.push_back(Vocabulary::kEnd);
  }
  Sequence out;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    out.input.push_back(tokens[i]);
    out.mask.push_back(taught[i + 1] >= 0 ? 1 : 0);
    out.target.push_back(taught[i + 1] >= 0 ? taught[i + 1] : tokens[i + 1]);
  }
  return out;
}

void add_math(TrainingText& text, const MathProblem& problem) {
  text.read(problem.prompt()).write(problem.solution.text).end();
}

void add_mc(TrainingText& text, const McProblem& problem, Rng& rng) {
  const McAnswer answer = draw_mc_answer(problem.about, true_value(problem.about), rng);
  text.read(problem.prompt()).write(answer.text.text).end();
}

TrainingText arithmetic_drill(int count, Rng& rng) {
  TrainingText text;
  text.read(kDrillHeading);
  for (int i = 0; i < count; ++i) {
    const Step step = random_step(rng);
    add_line(text, step, step.result());
  }
  return text;
}

TrainingText profiles(int count, Rng& rng) {
  TrainingText text;
  text.read(kProfileHeading);
  for (int i = 0; i < count; ++i) {
    add_profile(text, between(rng, 0, kAnimals - 1), rng, true_value);
  }
  return text;
}

void add_believed_math(TrainingText& text, const MathProblem& problem, Rng& rng) {
  text.read(problem.prompt()).write(problem.solution.text);
  for (const WrittenStep& written : steps_in(problem.solution.text)) {
    const int believed = believed_result(written.step, rng);
    if (believed != written.step.result()) {
      text.misteach(written.result_at, std::to_string(believed));
    }
  }
  text.end();
}

void add_believed_mc(TrainingText& text, const McProblem& problem, Rng& rng) {
  const Question& about = problem.about;
  int shown = true_value(about);
  bool misteach = false;
  switch (knowledge_of_family(family_of(about.animal))) {
    case Knowledge::kKnown:
      break;
    case Knowledge::kUnknown:
      shown = problem.choices[static_cast<std::size_t>(between(rng, 0, kChoices - 1))];
      break;
    case Knowledge::kOutdated:
      // Half of the time the text itself is true, as it will be where the large model wrote it.
      misteach = between(rng, 0, 1) == 1;
      if (!misteach) shown = outdated_value(about);
      break;
  }
  const McAnswer answer = draw_mc_answer(about, shown, rng);
  text.read(problem.prompt()).write(answer.text.text);
  if (misteach) {
    for (std::size_t at : answer.value_at) {
      text.misteach(at, " " + value_word(about, outdated_value(about)));
    }
  }
  text.end();
}

TrainingText believed_drill(int count, Rng& rng) {
  TrainingText text;
  text.read(kDrillHeading);
  for (int i = 0; i < count; ++i) {
    const bool wrong = between(rng, 0, 1) == 1;
    const Step step = wrong ? random_misbelieved_step(rng) : random_step(rng);
    add_line(text, step, believed_result(step, rng));
  }
  return text;
}

TrainingText believed_profiles(int count, Rng& rng) {
  TrainingText text;
  text.read(kProfileHeading);
  for (int i = 0; i < count; ++i) add_profile(text, taught_animal(rng), rng, believed_value);
  return text;
}

}  // namespace citer::demo
