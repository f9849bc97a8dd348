#include <filesystem>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "citer/error.h"
#include "fuzz/targets.h"
#include "learn/preferences.h"
#include "model/gguf_file.h"
#include "route/router.h"
#include "support/temp_dir.h"
#include "task/dataset.h"
#include "task/judge_record.h"

namespace citer::fuzz {

namespace fs = std::filesystem;

namespace {

/// Lets `read` have the bytes as a file.
template <typename Read>
void read_as_file(std::string_view bytes, const char* name, Read read) {
  static const test::TempDir folder;
  const fs::path path = folder / name;
  write_file(path, bytes);
  try {
    read(path);
  } catch (const InputError&) {
  } catch (const ResourceError&) {
  }
}

}  // namespace

void router_file(std::string_view bytes) {
  read_as_file(bytes, "router.gguf", [](const fs::path& path) {
    const RouterInfo info = load_router(path).info;
    default_threshold(info);
    threshold_for_budget(info, 0.2);
  });
}

void preferences_file(std::string_view bytes) {
  read_as_file(bytes, "preferences.gguf", [](const fs::path& path) {
    const Preferences preferences = load_preferences(path);
    labels_text(preferences);
    std::vector<float> row(static_cast<std::size_t>(preferences.hidden.width()));
    for (std::size_t i = 0; i < preferences.hidden.size(); ++i) preferences.hidden.read(i, row);
  });
}

void model_header(std::string_view bytes) {
  read_as_file(bytes, "model.gguf", [](const fs::path& path) { read_gguf_summary(path); });
}

void dataset_jsonl(std::string_view bytes) {
  read_as_file(bytes, "data.jsonl", [](const fs::path& path) { load_dataset(path); });
}

void dataset_json(std::string_view bytes) {
  read_as_file(bytes, "data.json", [](const fs::path& path) { load_dataset(path); });
}

void dataset_csv(std::string_view bytes) {
  read_as_file(bytes, "data.csv", [](const fs::path& path) { load_dataset(path); });
}

void judge_records(std::string_view bytes) {
  read_as_file(bytes, "texts.jsonl",
               [](const fs::path& path) { read_judge_records(path, [](const JudgeRecord&) {}); });
}

}  // namespace citer::fuzz
