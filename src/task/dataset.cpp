#include "task/dataset.h"

#include <algorithm>
#include <unordered_map>

#include <fmt/format.h>

#include "base/rng.h"
#include "citer/error.h"
#include "task/prompt.h"
#include "task/record.h"
#include "task/text.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

bool is_data_file(const fs::path& path) {
  const std::string extension = lower(path.extension().string());
  return extension == ".json" || extension == ".jsonl" || extension == ".csv";
}

/// The data files of a directory and its subdirectories, in the order of their paths.
std::vector<fs::path> data_files(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code error;
  for (auto it = fs::recursive_directory_iterator(directory, error);
       !error && it != fs::recursive_directory_iterator(); it.increment(error)) {
    if (it->is_regular_file() && is_data_file(it->path())) out.push_back(it->path());
  }
  if (error) {
    throw InputError(fmt::format("{}: cannot read: {}", directory.string(), error.message()));
  }
  std::sort(out.begin(), out.end());
  return out;
}

std::string stem_in(const fs::path& file, const fs::path& directory) {
  return fs::path(file).replace_extension().lexically_relative(directory).generic_string();
}

class RecordCollector {
 public:
  void read(const fs::path& path, const std::string& stem) {
    read_records(path, stem, [this](Record record) { add(std::move(record)); });
  }
  std::vector<Example> take() { return std::move(examples_); }

 private:
  struct Seen {
    fs::path path;
    int line;
  };

  void add(Record record) {
    const auto [found, fresh] =
        seen_.try_emplace(record.example.id, Seen{record.path, record.line});
    if (!fresh) {
      throw InputError(fmt::format("{}:{}: expected a new id, found \"{}\" again (first at {}:{})",
                                   record.path.string(), record.line, record.example.id,
                                   found->second.path.string(), found->second.line));
    }
    examples_.push_back(std::move(record.example));
  }

  std::vector<Example> examples_;
  std::unordered_map<std::string, Seen> seen_;
};

std::vector<Example> read_examples(const fs::path& path) {
  RecordCollector collector;
  if (fs::is_directory(path)) {
    for (const fs::path& file : data_files(path)) collector.read(file, stem_in(file, path));
  } else {
    collector.read(path, path.stem().string());
  }
  std::vector<Example> examples = collector.take();
  if (examples.empty()) {
    throw InputError(fmt::format("{}: expected at least one example, found none", path.string()));
  }
  return examples;
}

/// Gives the example its prompt, and its reference the shape of a continuation.
void prompt_example(Example& example, const std::string& user_template) {
  if (!user_template.empty()) check_template(user_template, example.kind);
  if (!user_template.empty() || example.prompt.empty()) {
    const std::string_view text =
        user_template.empty() ? default_template(example.kind) : std::string_view(user_template);
    example.prompt = fill_template(text, example.question, example.choices);
  }
  // White space has a meaning in code.
  if (example.kind != TaskKind::kCode) {
    example.reference = continuation_of(example.prompt, example.reference);
  }
}

std::vector<Example> prompted_examples(const fs::path& path, const std::string& user_template) {
  std::vector<Example> examples = read_examples(path);
  for (Example& example : examples) prompt_example(example, user_template);
  return examples;
}

/// The first `count` shots that ask something else than `example` does.
std::string shots_for(const Example& example, const std::vector<Example>& shots, int count,
                      const fs::path& path) {
  std::string out;
  int shown = 0;
  for (const Example& shot : shots) {
    if (shown == count) break;
    if (shot.question == example.question) continue;
    out += shown_example(shot);
    ++shown;
  }
  if (shown < count) {
    throw InputError(fmt::format("{}: expected {} shots, found {}", path.string(), count, shown));
  }
  return out;
}

void check_options(const DatasetOptions& options) {
  if (options.shots < 0) {
    throw FieldError({"shots"}, fmt::format("expected 0 or more, found {}", options.shots));
  }
  if (options.limit < 0) {
    throw FieldError({"limit"}, fmt::format("expected 0 or more, found {}", options.limit));
  }
  if (options.shots > 0 && options.shots_path.empty()) {
    throw FieldError({"shots_path"},
                     fmt::format("expected a file to take {} shots from", options.shots));
  }
}

/// Drops the examples of the other part.
void keep_part(std::vector<Example>& examples, DataPart part, const fs::path& path) {
  if (part == DataPart::kAll) return;
  constexpr std::uint64_t kParts = 5;
  std::erase_if(examples, [&](const Example& example) {
    const bool validates = hash64(example.id) % kParts == 0;
    return validates != (part == DataPart::kValidation);
  });
  if (!examples.empty()) return;
  throw InputError(
      fmt::format("{}: too few examples to part them in training and validation; give validation "
                  "data of its own",
                  path.string()));
}

std::string dataset_name(const fs::path& path) {
  const fs::path plain = path.has_filename() ? path : path.parent_path();
  return fs::is_directory(plain) ? plain.filename().string() : plain.stem().string();
}

const Example* first_open(const Dataset& dataset) {
  const auto& all = dataset.examples;
  const auto found = std::find_if(all.begin(), all.end(), [](const Example& example) {
    return example.kind == TaskKind::kOpen;
  });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace

bool has_answers(const Dataset& dataset) { return first_open(dataset) == nullptr; }

void require_answers(const Dataset& dataset, const std::string& what) {
  const Example* open = first_open(dataset);
  if (open == nullptr) return;
  throw InputError(
      fmt::format("{}: '{}' is a prompt without a right answer, which {} compares with",
                  dataset.path.string(), open->id, what));
}

Dataset load_dataset(const fs::path& path, const DatasetOptions& options) {
  check_options(options);
  Dataset out{dataset_name(path), path, prompted_examples(path, options.prompt_template), 0};
  if (options.limit > 0 && static_cast<std::size_t>(options.limit) < out.examples.size()) {
    out.examples.resize(static_cast<std::size_t>(options.limit));
  }
  keep_part(out.examples, options.part, path);
  if (options.shots > 0) {
    const auto shots = prompted_examples(options.shots_path, options.prompt_template);
    for (Example& example : out.examples) {
      example.prompt.insert(0, shots_for(example, shots, options.shots, options.shots_path));
    }
  }
  out.fingerprint = fingerprint(out.examples);
  return out;
}

std::uint64_t fingerprint(const std::vector<Example>& examples) {
  std::uint64_t hash = 0;
  const auto add = [&](std::string_view text) { hash = mix64(hash + hash64(text)); };
  for (const Example& example : examples) {
    add(task_name(example.kind));
    for (const std::string* part :
         {&example.id, &example.question, &example.prompt, &example.reference, &example.gold}) {
      add(*part);
    }
    for (const Choice& choice : example.choices) {
      add(choice.label);
      add(choice.text);
    }
    add("\n");  // the number of choices shows
  }
  return hash;
}

}  // namespace citer
