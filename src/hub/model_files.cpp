#include "hub/model_files.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "citer/error.h"

namespace citer {

namespace {

constexpr std::string_view kExtension = ".gguf";
constexpr std::size_t kDigits = 5;

/// The five digits at a place, or 0.
int digits_at(std::string_view text, std::size_t at) {
  const std::string_view digits = text.substr(at, kDigits);
  if (!std::all_of(digits.begin(), digits.end(),
                   [](unsigned char c) { return std::isdigit(c) != 0; })) {
    return 0;
  }
  int value = 0;
  for (const char c : digits) value = 10 * value + (c - '0');
  return value;
}

/// A GGUF that is a model of its own, no projector, importance matrix or drafting head.
bool is_model(const std::string& path) {
  constexpr std::array<std::string_view, 6> kOthers = {"mmproj",  "imatrix", "mtp-",
                                                       "eagle3-", "dflash-", "dspark-"};
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.ends_with(kExtension) &&
         std::none_of(kOthers.begin(), kOthers.end(), [&](std::string_view other) {
           return name.find(other) != std::string::npos;
         });
}

/// Whether "q4_k_m" is named in a path, followed by '.' or '-'.
bool has_quantisation(const std::string& path, const std::string& quantisation) {
  const std::string text = lower(path);
  const std::string wanted = lower(quantisation);
  for (std::size_t at = text.find(wanted); at != std::string::npos;
       at = text.find(wanted, at + 1)) {
    const std::size_t end = at + wanted.size();
    if (end < text.size() && (text[end] == '.' || text[end] == '-')) return true;
  }
  return false;
}

template <typename Wanted>
const HubFile* first(const std::vector<HubFile>& files, Wanted wanted) {
  const auto found = std::find_if(files.begin(), files.end(), [&](const HubFile& file) {
    return split_name(file.path).part == 1 && wanted(file);
  });
  return found == files.end() ? nullptr : &*found;
}

const HubFile* find_first_file(const HubModel& model, const std::vector<HubFile>& files) {
  if (!model.file.empty()) {
    return first(files, [&](const HubFile& file) { return lower(file.path) == lower(model.file); });
  }
  const std::vector<std::string> quantisations = model.quantisation.empty()
                                                     ? std::vector<std::string>{"Q4_K_M", "Q8_0"}
                                                     : std::vector<std::string>{model.quantisation};
  for (const std::string& wanted : quantisations) {
    const HubFile* found = first(files, [&](const HubFile& file) {
      return is_model(file.path) && has_quantisation(file.path, wanted);
    });
    if (found != nullptr) return found;
  }
  if (!model.quantisation.empty()) return nullptr;
  return first(files, [](const HubFile& file) { return is_model(file.path); });
}

[[noreturn]] void fail(const HubModel& model, const std::string& what,
                       const std::vector<HubFile>& files) {
  constexpr std::size_t kMost = 20;
  std::vector<std::string> names;
  for (const HubFile& file : files) {
    if (is_model(file.path) && split_name(file.path).part == 1) names.push_back(file.path);
  }
  const std::string more =
      names.size() > kMost ? fmt::format(" and {} more", names.size() - kMost) : "";
  names.resize(std::min(names.size(), kMost));
  throw InputError(fmt::format("{}: {}; it has {}{}", model.repository, what,
                               names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", ")),
                               more));
}

}  // namespace

std::string SplitName::of_part(int n) const {
  return parts == 1 ? prefix : fmt::format("{}-{:05}-of-{:05}{}", prefix, n, parts, kExtension);
}

SplitName split_name(const std::string& name) {
  constexpr std::string_view kOf = "-of-";
  constexpr std::size_t kTail = 1 + 2 * kDigits + kOf.size() + kExtension.size();
  if (name.size() <= kTail || !name.ends_with(kExtension)) return {name};
  const std::size_t at = name.size() - kTail;
  const std::size_t of = at + 1 + kDigits;
  if (name[at] != '-' || name.substr(of, kOf.size()) != kOf) return {name};
  const int part = digits_at(name, at + 1);
  const int parts = digits_at(name, of + kOf.size());
  if (part < 1 || parts < part) return {name};
  return {name.substr(0, at), part, parts};
}

std::vector<HubFile> choose_model_files(const HubModel& model, const std::vector<HubFile>& files) {
  const HubFile* chosen = find_first_file(model, files);
  if (chosen == nullptr) {
    fail(model,
         !model.file.empty()           ? fmt::format("no file '{}'", model.file)
         : !model.quantisation.empty() ? fmt::format("no GGUF file of '{}'", model.quantisation)
                                       : "no GGUF file",
         files);
  }
  const SplitName name = split_name(chosen->path);
  std::vector<HubFile> parts;
  for (int n = 1; n <= name.parts; ++n) {
    const auto part = std::find_if(files.begin(), files.end(), [&](const HubFile& file) {
      return file.path == name.of_part(n);
    });
    if (part == files.end()) {
      throw InputError(fmt::format("{}: part {} is missing", model.repository, name.of_part(n)));
    }
    parts.push_back(*part);
  }
  return parts;
}

}  // namespace citer
