#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/hub.h"

namespace citer {

/// A file of a repository.
struct HubFile {
  std::string path{};                   ///< in the repository
  std::string oid{};                    ///< "": not known
  std::optional<std::uint64_t> size{};  ///< bytes
};

/// Which part of a split model a name says: PREFIX-00002-of-00003.gguf.
struct SplitName {
  std::string prefix{};
  int part = 1;
  int parts = 1;

  std::string of_part(int n) const;  ///< name of another part
};

/// Of a name that is none of a part: itself, 1 of 1.
SplitName split_name(const std::string& name);

/// The files of a model, in the order of its parts, chosen as llama.cpp does. Throws InputError
/// naming what there is: no such quantisation or file, no GGUF, or a part is missing.
std::vector<HubFile> choose_model_files(const HubModel& model, const std::vector<HubFile>& files);

}  // namespace citer
