#pragma once

// What an evaluation writes down as it goes: JSON lines that a killed run finds again.

#include <string>
#include <string_view>
#include <vector>

#include "citer/evaluation.h"

namespace citer {

/// One example under one setting.
struct ExampleRecord {
  std::string id;
  bool correct = false;
  std::string answer;  ///< as extracted; "" if none was found
  std::string rule;    ///< which rule found it
  std::string finish;  ///< "stop" or "length"
  int prompt_tokens = 0;
  Counters counters;
  double seconds = 0.0;
  std::string text;
  /// The rest is filled for the first examples of a dataset, to be read in the report.
  std::string prompt;
  std::string gold;  ///< the right answer
  std::vector<TokenRecord> tokens;
};

/// A chunk of examples under one setting, decoded together and written together: a run that is
/// killed starts the chunk again, with the same company in every batch, and so gets the same texts.
struct ChunkRecord {
  EvalSetting setting;
  int chunk = 0;              ///< index within the dataset
  double wall_seconds = 0.0;  ///< of the whole chunk
  Counters totals;            ///< passes shared by several examples counted once
  ScoreBins scores;
  std::vector<ExampleRecord> examples;
};

/// One line of JSON, without newline, and back. The parser throws InputError naming what is wrong.
std::string to_json_line(const ChunkRecord& chunk);
ChunkRecord chunk_from_json(std::string_view line);

}  // namespace citer
