#include "mc_task.h"

#include <algorithm>

namespace citer::demo {
namespace {

std::string asked(const Question& about) {
  Rng unused(0);
  const Attribute& attribute = attributes()[static_cast<std::size_t>(about.attribute)];
  return expand(attribute.question, {{'e', animal_name(about.animal)}}, unused).text;
}

std::string value_text(int attribute, int value) {
  return std::string(
      attributes()[static_cast<std::size_t>(attribute)].values[static_cast<std::size_t>(value)]);
}

}  // namespace

std::string McProblem::choice_text(int index) const {
  return value_text(about.attribute, choices[static_cast<std::size_t>(index)]);
}

std::string McProblem::prompt() const {
  std::string out = "Question: " + question + "\nChoices:";
  for (int i = 0; i < kChoices; ++i) out += std::string("\n(") + label(i) + ") " + choice_text(i);
  return out + "\nAnswer:";
}

std::string McProblem::key() const {
  std::vector<std::string> texts;
  texts.reserve(kChoices);
  for (int i = 0; i < kChoices; ++i) texts.push_back(choice_text(i));
  return mc_key(question, std::move(texts));
}

std::string mc_key(const std::string& question, std::vector<std::string> choices) {
  std::sort(choices.begin(), choices.end());
  std::string out = question;
  for (const std::string& choice : choices) out += "|" + choice;
  return out;
}

McProblem draw_mc(const Question& about, Rng& rng) {
  McProblem out;
  out.about = about;
  out.question = asked(about);
  const int truth = true_value(about);
  std::vector<int> chosen = {truth};
  if (knowledge_of_family(family_of(about.animal)) == Knowledge::kOutdated) {
    chosen.push_back(outdated_value(about));
  }
  while (chosen.size() < kChoices) {
    const int value = static_cast<int>(rng.uniform(0, kValues - 1));
    if (std::find(chosen.begin(), chosen.end(), value) == chosen.end()) chosen.push_back(value);
  }
  for (int i = kChoices - 1; i > 0; --i) {
    std::swap(chosen[static_cast<std::size_t>(i)],
              chosen[static_cast<std::size_t>(rng.uniform(0, i))]);
  }
  std::copy(chosen.begin(), chosen.end(), out.choices.begin());
  out.correct = static_cast<int>(std::find(chosen.begin(), chosen.end(), truth) - chosen.begin());
  return out;
}

McProblem draw_mc(Rng& rng) {
  Question about;
  about.animal = static_cast<int>(rng.uniform(0, kAnimals - 1));
  about.attribute = static_cast<int>(rng.uniform(0, static_cast<int>(attributes().size()) - 1));
  return draw_mc(about, rng);
}

McAnswer draw_mc_answer(const Question& about, int value, Rng& rng) {
  const std::string name = animal_name(about.animal);
  const std::string word = value_text(about.attribute, value);
  const Attribute& attribute = attributes()[static_cast<std::size_t>(about.attribute)];
  McAnswer out;
  out.text = expand(" According to the [guide|book|notes], the " + name + " " +
                        std::string(attribute.clause.substr(0, attribute.clause.rfind(" {v}"))),
                    {}, rng);
  out.value_at[0] = out.text.text.size();
  out.text.append(" " + word + ".");
  out.text.append(expand(" [So|Thus|Hence] the answer is", {}, rng));
  out.value_at[1] = out.text.text.size();
  out.text.append(" " + word + ".");
  return out;
}

std::vector<Question> all_questions() {
  std::vector<Question> all;
  for (int animal = 0; animal < kAnimals; ++animal) {
    for (int attribute = 0; attribute < static_cast<int>(attributes().size()); ++attribute) {
      all.push_back({animal, attribute});
    }
  }
  return all;
}

}  // namespace citer::demo
