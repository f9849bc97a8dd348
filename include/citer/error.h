#pragma once

#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace citer {

/// Base of every exception the library throws. `what()` is one line that names the file or field,
/// the place in it, and what was expected and found. The library never prints and never aborts.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What the caller wants cannot be done: a prompt, a grammar or an option is wrong.
class UsageError : public Error {
 public:
  using Error::Error;
};

/// Options outside their range, or that make no sense together, by the names that they have in the
/// structs of options. Who offers them to users under other names (flags, an API's fields) says
/// those instead.
class FieldError : public UsageError {
 public:
  /// At least one field. `place` is where it was found, e.g. "prompt 'a'"; "" says nothing of it.
  FieldError(std::vector<std::string> fields, std::string problem, std::string place = "");

  const std::vector<std::string>& fields() const { return fields_; }
  const std::string& problem() const { return problem_; }
  /// The same, found at a place.
  FieldError at(const std::string& place) const;
  /// The message with other names for the fields: "PLACE: NAME and NAME: PROBLEM".
  std::string text(const std::function<std::string(const std::string&)>& name) const;

 private:
  std::vector<std::string> fields_;
  std::string problem_;
  std::string place_;
};

/// A grammar so ambiguous that following an answer through it takes more than a token is worth.
/// Only the answer that is written under it fails.
class GrammarError : public UsageError {
 public:
  using UsageError::UsageError;
};

/// A file that is missing, unreadable, malformed, or does not belong with another one.
class InputError : public Error {
 public:
  using Error::Error;
};

/// The machine ran out of something (memory, disk, context), or a backend failed.
class ResourceError : public Error {
 public:
  using Error::Error;
};

}  // namespace citer
