#pragma once

// Errors as the OpenAI API shows them.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "citer/error.h"

namespace citer {

/// A request that is answered by an error; what() is its message.
class ApiError : public Error {
 public:
  /// `code` is OpenAI's word for this very error, `param` the field at fault; either may be "".
  ApiError(int status, const std::string& message, std::string code = "", std::string param = "")
      : Error(message), status_(status), code_(std::move(code)), param_(std::move(param)) {}

  int status() const { return status_; }
  const std::string& code() const { return code_; }
  const std::string& param() const { return param_; }

  /// Adds a number to the error object, for programs to read.
  ApiError& with(const char* name, std::int64_t number) {
    numbers_.emplace_back(name, number);
    return *this;
  }
  const std::vector<std::pair<std::string, std::int64_t>>& numbers() const { return numbers_; }

  /// Another type than the status stands for.
  ApiError& of_type(const char* type) {
    type_ = type;
    return *this;
  }
  const std::string& type() const { return type_; }

 private:
  int status_;
  std::string code_;
  std::string param_;
  std::string type_;
  std::vector<std::pair<std::string, std::int64_t>> numbers_;
};

/// A field that is wrong: status 400.
ApiError bad_field(const std::string& param, const std::string& message);

/// A name that no model has, where there are these: status 404.
ApiError unknown_model(const std::string& name, const std::vector<std::string>& known);

/// {"error": {code, message, type, param, its numbers...}}; the type follows from the status,
/// unless it has its own.
std::string error_body(const ApiError& error);

/// What the client is told of an exception that leaves a handler: the errors of this project's
/// library by their own texts, where they are the request's fault or the server's load; nothing of
/// any other (status 500).
ApiError api_error_of(const std::exception& error);

}  // namespace citer
