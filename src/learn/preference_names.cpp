// Names of how preferences are labelled, as files and flags have them.
#include <array>

#include <fmt/format.h>

#include "citer/error.h"
#include "learn/preferences.h"

namespace citer {

namespace {

template <typename Enum, std::size_t N>
Enum by_name(const std::array<Enum, N>& all, const std::string& name, const char* field) {
  std::string known;
  for (const Enum value : all) {
    if (name == to_string(value)) return value;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", to_string(value));
  }
  throw FieldError({field}, fmt::format("expected one of {}, found '{}'", known, name));
}

}  // namespace

const char* to_string(LabelRule rule) {
  switch (rule) {
    case LabelRule::kPaper:
      return "paper";
    case LabelRule::kReward:
      return "reward";
    case LabelRule::kOutcome:
      return "outcome";
    case LabelRule::kTeacher:
      return "teacher";
  }
  return "?";
}

const char* to_string(StateSource source) {
  switch (source) {
    case StateSource::kReference:
      return "reference";
    case StateSource::kLlm:
      return "llm";
    case StateSource::kPolicy:
      return "policy";
  }
  return "?";
}

LabelRule label_rule(const std::string& name) {
  return by_name(
      std::array{LabelRule::kPaper, LabelRule::kReward, LabelRule::kOutcome, LabelRule::kTeacher},
      name, "labels");
}

StateSource state_source(const std::string& name) {
  return by_name(std::array{StateSource::kReference, StateSource::kLlm, StateSource::kPolicy}, name,
                 "states");
}

const char* to_string(OutcomeRule rule) {
  switch (rule) {
    case OutcomeRule::kAnswer:
      return "answer";
    case OutcomeRule::kAgreement:
      return "agreement";
    case OutcomeRule::kLlm:
      return "llm";
    case OutcomeRule::kCommand:
      return "command";
  }
  return "?";
}

OutcomeRule outcome_rule(const std::string& name) {
  return by_name(std::array{OutcomeRule::kAnswer, OutcomeRule::kAgreement, OutcomeRule::kLlm,
                            OutcomeRule::kCommand},
                 name, "judge");
}

const char* to_string(ContinueBy who) { return who == ContinueBy::kLlm ? "llm" : "policy"; }

ContinueBy continue_by(const std::string& name) {
  return by_name(std::array{ContinueBy::kLlm, ContinueBy::kPolicy}, name, "continue_by");
}

}  // namespace citer
