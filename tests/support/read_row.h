#pragma once

#include <vector>

#include "model/row.h"
#include "model/row_reader.h"

namespace citer::test {

/// A row of logits, read.
class ReadRow {
 public:
  explicit ReadRow(std::vector<float> logits) : logits_(std::move(logits)), likeliest_(kLikeliest) {
    stats = RowReader().read(logits_, true, likeliest_);
  }
  ReadRow(const ReadRow&) = delete;
  ReadRow& operator=(const ReadRow&) = delete;

  Row row() const { return {stats, logits_, {}}; }

  RowStats stats;

 private:
  std::vector<float> logits_;
  std::vector<TokenLogit> likeliest_;
};

}  // namespace citer::test
