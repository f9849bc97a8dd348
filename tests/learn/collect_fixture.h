#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "learn/collect.h"
#include "support/error_text.h"
#include "support/temp_dir.h"

namespace citer {

namespace fs = std::filesystem;

inline fs::path bundled(const std::string& file) {
  return fs::path(CITER_SOURCE_DIR) / "models/demo" / file;
}

inline PairOptions bundled_pair() {
  PairOptions options;
  options.slm = {.path = bundled("slm.gguf").string(), .devices = "none"};
  options.llm = {.path = bundled("llm.gguf").string(), .devices = "none"};
  return options;
}

inline ServiceOptions eight_sequences() {
  ServiceOptions options;
  options.context.sequences = 8;
  return options;
}

/// Collection with the bundled pair, by one worker of eight sequences.
class Collect : public testing::Test {
 protected:
  CollectJob options(int limit = 36) const {
    CollectJob o;
    o.data = {bundled("data/mc.train.jsonl")};
    o.dataset.limit = limit;
    o.positions = 0;
    o.out = folder_ / "p.gguf";
    return o;
  }
  fs::path write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ / name) << text;
    return folder_ / name;
  }

  test::TempDir folder_;
  ServicePool services_{bundled_pair(), eight_sequences(), 1};
  Service& service_ = services_.front();
};

}  // namespace citer
