#pragma once

// What strangers' bytes are given to. libFuzzer runs these (`./dev fuzz`), and so does a short
// test.

#include <span>
#include <string_view>

namespace citer::fuzz {

/// Reads the bytes as a stranger's. What is refused is refused by the project's own errors;
/// anything else it throws, or a crash, is a finding.
using Run = void (*)(std::string_view bytes);

struct Target {
  std::string_view name;  ///< that of the folder of its seeds, too
  Run run;
};

/// All there are.
std::span<const Target> targets();

void router_file(std::string_view bytes);
void preferences_file(std::string_view bytes);
void model_header(std::string_view bytes);
void dataset_jsonl(std::string_view bytes);
void dataset_json(std::string_view bytes);
void dataset_csv(std::string_view bytes);
void judge_records(std::string_view bytes);
/// The first line is the right answer, the rest what a model wrote.
void answer(std::string_view bytes);
/// A grammar, a zero byte, and a text that is matched with it.
void grammar(std::string_view bytes);
void json_schema(std::string_view bytes);
/// Messages of a chat, put into templates of several models.
void chat_messages(std::string_view bytes);
/// A digit that chooses an API, and the body of a request to it.
void http_body(std::string_view bytes);
/// What the hub says of branches, a zero byte, and what it says of files.
void hub_replies(std::string_view bytes);
/// What a model writes that may call tools and think, told apart as it comes.
void model_text(std::string_view bytes);

}  // namespace citer::fuzz
