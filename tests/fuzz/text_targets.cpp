#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/thinking.h"
#include "citer/error.h"
#include "fuzz/targets.h"
#include "grammar/grammar.h"
#include "grammar/json_schema.h"
#include "grammar/matcher.h"
#include "hub/api.h"
#include "model/chat_template.h"
#include "model/model.h"
#include "serve/api_error.h"
#include "serve/messages_request.h"
#include "serve/openai_request.h"
#include "serve/responses_request.h"
#include "serve/tools.h"
#include "task/answer.h"

namespace citer::fuzz {

namespace {

/// What is before the first `end`, and what is behind it.
std::pair<std::string_view, std::string_view> halves(std::string_view bytes, char end) {
  const std::size_t at = bytes.find(end);
  if (at == std::string_view::npos) return {bytes, {}};
  return {bytes.substr(0, at), bytes.substr(at + 1)};
}

/// Small enough that an input takes milliseconds.
GrammarLimits small_limits() {
  GrammarLimits limits;
  limits.work = 20'000;
  limits.symbols = 50'000;
  limits.kept = 100'000;
  return limits;
}

[[noreturn]] void fail(const char* what) { throw std::logic_error(what); }

}  // namespace

void answer(std::string_view bytes) {
  static const AnswerJudge judges[] = {AnswerJudge(), AnswerJudge({.marked_only = true})};
  const auto [gold, text] = halves(bytes, '\n');
  Example math{.id = "1", .kind = TaskKind::kMath, .gold = std::string(gold)};
  Example choice{.id = "2",
                 .kind = TaskKind::kChoice,
                 .gold = "B",
                 .choices = {{"A", "north"}, {"B", std::string(gold)}, {"C", "7"}}};
  for (const AnswerJudge& judge : judges) {
    judge.judge(math, text);
    judge.judge(choice, text);
  }
}

void grammar(std::string_view bytes) {
  const auto [gbnf, text] = halves(bytes, '\0');
  try {
    GrammarMatcher matcher(compile_grammar(gbnf, small_limits()));
    for (std::size_t i = 0; i < text.size() && matcher.accept(text.substr(i, 1)); ++i) {
      if (matcher.size() != i + 1) fail("accepted bytes are counted wrong");
    }
    matcher.may_end();
    matcher.truncate(matcher.size() / 2);
    matcher.can_continue();
  } catch (const UsageError&) {  // GrammarError is one
  }
}

void json_schema(std::string_view bytes) {
  const auto schema = nlohmann::ordered_json::parse(bytes, nullptr, false);
  if (schema.is_discarded()) return;
  std::string gbnf;
  try {
    gbnf = json_schema_to_grammar(schema);
  } catch (const UsageError&) {
    return;
  }
  try {
    compile_grammar(gbnf);
  } catch (const UsageError& e) {
    // Of our own grammars only the size may be refused.
    if (std::string_view(e.what()).find("more than") == std::string_view::npos)
      throw std::logic_error(e.what());
  }
}

void chat_messages(std::string_view bytes) {
  static const auto model =
      Model::load({.path = CITER_SOURCE_DIR "/models/demo/slm.gguf", .devices = "none"});
  static const ChatTemplate templates[] = {
      {R"({% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content }}<|im_end|>
{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant
{% endif %})",
       "chatml", *model},
      {R"({%- if messages[0]['role'] == 'system' %}{{ messages[0]['content'] | trim }}{%- endif %}
{%- for tool in tools %}{{ tool | tojson }}{%- endfor %}
{%- for m in messages %}{%- if m.tool_calls %}{%- for c in m.tool_calls %}{{ c.function.name }}{{ c.function.arguments | tojson }}{%- endfor %}{%- else %}[{{ m.role | upper }}]{{ m['content'] }}{%- endif %}{%- endfor %})",
       "tools", *model}};
  const auto messages = nlohmann::ordered_json::parse(bytes, nullptr, false);
  if (messages.is_discarded()) return;
  for (const ChatTemplate& chat : templates) {
    try {
      chat.render(messages, nullptr, nullptr);
    } catch (const InputError&) {
    }
  }
}

void http_body(std::string_view bytes) {
  if (bytes.empty()) return;
  const RequestLimits limits{.vocab_size = 1000};
  const std::string_view body = bytes.substr(1);
  try {
    const Json json = parse_body(body);
    switch (bytes.front()) {
      case '0':
        parse_chat_request(json, limits);
        break;
      case '1':
        parse_completion_request(json, limits);
        break;
      case '2':
        parse_responses_request(json, limits);
        break;
      default:
        parse_messages_request(json, limits);
    }
  } catch (const ApiError&) {
  }
}

void hub_replies(std::string_view bytes) {
  const auto [refs, tree] = halves(bytes, '\0');
  try {
    HubListing listing;
    read_refs(refs, "refs", listing);
    read_tree(tree, "tree", listing);
    choose_model_files({.repository = "user/name"}, listing.files);
  } catch (const InputError&) {
  }
}

void model_text(std::string_view bytes) {
  const Thinking tags{.open = "<think>", .close = "</think>"};
  ThinkingText thinking(tags);
  ToolText tools({.names = {"find", "add"}});
  std::string content;
  SplitText told;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    const std::string_view piece = bytes.substr(at, 3);
    content += tools.push(piece);
    const SplitText sure = thinking.push(piece);
    told.reasoning += sure.reasoning;
    told.content += sure.content;
  }
  const ToolText::Rest rest = tools.finish(false);
  content += rest.content;
  if (rest.calls.empty() && content.size() > bytes.size()) fail("content that nobody wrote");
  const SplitText last = thinking.finish();
  const SplitText whole = split_thinking(bytes, tags);
  if (told.reasoning + last.reasoning != whole.reasoning ||
      told.content + last.content != whole.content) {
    fail("thinking is parted otherwise as it comes");
  }
}

}  // namespace citer::fuzz
