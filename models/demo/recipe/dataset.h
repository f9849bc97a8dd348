#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace citer::demo {

/// Records per file. Every question of the knowledge base is used once; what valid and test leave
/// goes to mc's train file.
struct DatasetSizes {
  int math_train = 2000;
  int math_valid = 400;
  int math_test = 1000;
  int mc_valid = 360;
  int mc_test = 1000;
};

/// DIRECTORY/TASK.SPLIT.jsonl
std::string dataset_path(const std::string& directory, const std::string& task,
                         const std::string& split);

/// Writes the six files. No problem text of `math` and no question of `mc` occurs twice.
void write_datasets(const std::string& directory, const DatasetSizes& sizes, std::uint64_t seed);

/// The problem texts of a math file, the McProblem::key()s of an mc file. Throw InputError.
std::vector<std::string> math_keys(const std::string& path);
std::vector<std::string> mc_keys(const std::string& path);

/// Per record, the byte offsets in its solution or cot where the wording was free.
std::vector<std::vector<std::size_t>> free_offsets(const std::string& path);

}  // namespace citer::demo
