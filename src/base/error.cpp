#include "citer/error.h"

#include <utility>

#include <fmt/format.h>

namespace citer {

namespace {

std::string message(const std::string& place, const std::vector<std::string>& fields,
                    const std::string& problem,
                    const std::function<std::string(const std::string&)>& name) {
  std::string names;
  for (const std::string& field : fields) {
    names += fmt::format("{}{}", names.empty() ? "" : " and ", name(field));
  }
  return fmt::format("{}{}{}: {}", place, place.empty() ? "" : ": ", names, problem);
}

std::string same(const std::string& field) { return field; }

}  // namespace

FieldError::FieldError(std::vector<std::string> fields, std::string problem, std::string place)
    : UsageError(message(place, fields, problem, same)),
      fields_(std::move(fields)),
      problem_(std::move(problem)),
      place_(std::move(place)) {}

FieldError FieldError::at(const std::string& place) const {
  return {fields_, problem_, place_.empty() ? place : fmt::format("{}: {}", place, place_)};
}

std::string FieldError::text(const std::function<std::string(const std::string&)>& name) const {
  return message(place_, fields_, problem_, name);
}

}  // namespace citer
