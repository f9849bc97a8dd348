// What clients are told of exceptions.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "serve/api_error.h"

namespace citer {
namespace {

TEST(ApiError, AFieldIsNamedAsTheApiNamesIt) {
  const ApiError error = api_error_of(FieldError({"threshold"}, "expected a number in [0, 1]"));
  EXPECT_EQ(error.status(), 400);
  EXPECT_EQ(error.param(), "citer.threshold");
  EXPECT_STREQ(error.what(), "citer.threshold: expected a number in [0, 1]");
}

TEST(ApiError, OfSeveralFieldsTheFirstThatARequestCanSetIsAtFault) {
  const ApiError error =
      api_error_of(FieldError({"context_size", "max_tokens"}, "too many").at("prompt 'a'"));
  EXPECT_EQ(error.param(), "max_tokens");
  EXPECT_STREQ(error.what(), "prompt 'a': context_size and max_tokens: too many");
  EXPECT_EQ(api_error_of(FieldError({"overlap"}, "wrong")).param(), "");
}

TEST(ApiError, OtherFaultsOfARequestHaveNoField) {
  const ApiError error = api_error_of(UsageError("the prompt is empty"));
  EXPECT_EQ(error.status(), 400);
  EXPECT_EQ(error.param(), "");
}

TEST(ApiError, WhatIsTheServersBusinessIsNotSaid) {
  const ApiError error = api_error_of(InputError("/secret/model.gguf: truncated"));
  EXPECT_EQ(error.status(), 500);
  EXPECT_STREQ(error.what(), "internal error");
}

TEST(ApiError, NumbersAreInTheBody) {
  const auto body = nlohmann::json::parse(error_body(ApiError(400, "too long").with("n_ctx", 512)));
  EXPECT_EQ(body["error"]["n_ctx"], 512);
  EXPECT_EQ(body["error"]["message"], "too long");
}

}  // namespace
}  // namespace citer
