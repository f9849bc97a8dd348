#pragma once

#include <filesystem>
#include <functional>

#include "task/example.h"

namespace citer {

/// An example as its file gives it: `prompt` is the file's own (often empty), `reference` is not
/// yet shaped as a continuation, `id` is the file's own or "<stem>:<line>".
struct Record {
  Example example;
  std::filesystem::path path;
  int line = 0;
};

/// Reads every record of a .jsonl file (an object a line), a .json file (the same, one object, or
/// an array of objects) or a .csv file. `stem` names the file in default ids. Throws InputError
/// "path:line: expected ..., found ...".
void read_records(const std::filesystem::path& path, const std::string& stem,
                  const std::function<void(Record)>& visit);

}  // namespace citer
