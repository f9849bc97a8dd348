#pragma once

#include <stdexcept>
#include <string>

namespace citer {

/// Base of every exception the library throws. `what()` is one line that names the file or flag,
/// the place in it, and what was expected and found. The library never prints and never aborts.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A flag or option outside its range, or a combination that makes no sense.
class UsageError : public Error {
 public:
  using Error::Error;
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
