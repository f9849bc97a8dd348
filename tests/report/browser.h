#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "support/temp_dir.h"

namespace citer::test {

/// A headless Chromium, if one is installed.
class Browser {
 public:
  Browser();

  bool found() const { return !program_.empty(); }

  /// Opens a page at an address (its state: "data=mc&cost=bytes"), runs `script` (the body of a
  /// async function) after the page's own, and gives what it returned.
  nlohmann::json ask(const std::string& html, const std::string& address, const std::string& script,
                     const std::vector<std::string>& options = {}) const;

  /// Like ask(), in a frame of this width: Chromium's own windows cannot be as narrow as a phone.
  nlohmann::json ask_in_frame(const std::string& html, int width, const std::string& script) const;

  /// Keeps a picture of a page, in a frame of this size, as NAME.png in the build folder, and gives
  /// its path.
  std::filesystem::path picture(const std::string& name, const std::string& html,
                                const std::string& address, int width, int height) const;

 private:
  std::string run(const std::filesystem::path& page, const std::string& address,
                  const std::vector<std::string>& options) const;

  std::filesystem::path program_;
  TempDir folder_;
};

}  // namespace citer::test
