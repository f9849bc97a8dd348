#include "citer/error.h"

#include <gtest/gtest.h>

namespace citer {
namespace {

TEST(FieldError, NamesItsFields) {
  EXPECT_STREQ(FieldError({"top_p"}, "expected 1, found 2").what(), "top_p: expected 1, found 2");
  EXPECT_STREQ(FieldError({"threshold", "budget"}, "give one, not both").what(),
               "threshold and budget: give one, not both");
}

TEST(FieldError, KeepsThemWhereAPlaceIsAdded) {
  const FieldError error = FieldError({"seed"}, "wrong").at("prompt 'a'").at("line 3");
  EXPECT_STREQ(error.what(), "line 3: prompt 'a': seed: wrong");
  EXPECT_EQ(error.fields(), std::vector<std::string>{"seed"});
  EXPECT_EQ(error.problem(), "wrong");
}

TEST(FieldError, ShowsOtherNames) {
  const FieldError error = FieldError({"a", "b"}, "wrong").at("here");
  EXPECT_EQ(error.text([](const std::string& field) { return "<" + field + ">"; }),
            "here: <a> and <b>: wrong");
}

}  // namespace
}  // namespace citer
