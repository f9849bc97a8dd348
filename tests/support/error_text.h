#pragma once

#include <gtest/gtest.h>

#include <string>

namespace citer::test {

/// The message of the `Expected` exception that `action` throws; a failure when it throws none.
template <typename Expected, typename Action>
std::string error_text(Action action) {
  try {
    action();
  } catch (const Expected& e) {
    const std::string text = e.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << "not one line: " << text;
    return text;
  } catch (const std::exception& e) {
    ADD_FAILURE() << "an exception of another kind: " << e.what();
    return "";
  }
  ADD_FAILURE() << "no exception";
  return "";
}

}  // namespace citer::test
