// Any server that completes texts as OpenAI's API has it, as the LLM's: the last resort. What it
// writes becomes tokens of the SLM's, whatever its own are.
#include <algorithm>
#include <limits>

#include "base/rng.h"
#include "base/utf8.h"
#include "remote/writing_backend.h"

namespace citer {

namespace {

using nlohmann::json;

constexpr const char* kPath = "/v1/completions";

/// Tokens of its own that are asked for at least: a character may take so many, and one of the
/// SLM's several.
constexpr int kLeastWritten = 4;

/// Control tokens as they are spelled; what begins a text every server puts there itself.
std::string spelled(const Vocab& vocab, std::span<const Token> tokens) {
  std::string text;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (i == 0 && tokens[i] == vocab.beginning()) continue;
    const std::string& piece = vocab.piece(tokens[i]);
    text += piece.empty() ? vocab.spelling(tokens[i]) : piece;
  }
  return valid_utf8(text);
}

/// A text that was cut within a character ends with U+FFFD.
void drop_half_character(std::string& text) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  while (text.ends_with(kReplacement)) text.resize(text.size() - kReplacement.size());
}

class TextServer final : public WritingServer {
 public:
  TextServer(std::string model, const Vocab& slm) : model_(std::move(model)), slm_(slm) {}

  std::string path() const override { return kPath; }

  json request(const Question& question, std::span<const Token> prompt, int n) const override {
    json request = {{"model", model_},
                    {"prompt", spelled(slm_, prompt)},
                    {"max_tokens", std::max(n, kLeastWritten)},
                    {"temperature", 0}};
    const SamplingOptions* sampling = question.draw.sampling;
    if (sampling == nullptr || sampling->temperature <= 0) return request;
    request["temperature"] = sampling->temperature;
    request["top_p"] = sampling->top_p;
    constexpr int kDropped = 33;  // of 64 bits: servers take 31
    request["seed"] = random_at(sampling->seed, question.draw.stream, prompt.size()) >> kDropped;
    return request;
  }

  /// Its rows list what it wrote alone.
  Written read(const json& answer) const override {
    const json& choice = answer.at("choices").at(0);
    auto text = choice.at("text").get<std::string>();
    const bool is_end = choice.value("finish_reason", json()) == "stop";
    if (!is_end) drop_half_character(text);
    Written written;
    written.tokens = slm_.continuation(text);
    written.own_tokens = static_cast<int>(written.tokens.size());
    if (is_end) written.tokens.push_back(slm_.end_of_answer());
    for (const Token token : written.tokens) {
      written.rows.push_back({.likeliest = {{token, 0.0F}}, .drawn = token});
    }
    if (const auto usage = answer.find("usage"); usage != answer.end() && usage->is_object()) {
      written.positions = usage->value("prompt_tokens", 0);
      written.own_tokens = usage->value("completion_tokens", written.own_tokens);
    }
    return written;
  }

 private:
  std::string model_;
  const Vocab& slm_;
};

/// Tokens of its context, by what servers list of a model; a great many where it does not tell.
int context_size_of(const json& listed) {
  for (const char* field : {"max_model_len", "context_length"}) {
    const auto told = listed.find(field);
    if (told != listed.end() && told->is_number_integer()) return told->get<int>();
  }
  return std::numeric_limits<int>::max();
}

}  // namespace

std::optional<BackendKind> recognise_text(PatientLink& link, const RemoteOptions& options,
                                          LinkCounters& counters, const Vocab& slm,
                                          Deadline deadline) {
  const std::optional<json> listed = listed_model(link, options, deadline);
  if (!listed && options.model.empty()) return std::nullopt;
  const std::string name = listed ? listed->at("id").get<std::string>() : options.model;
  link.post(kPath, {{"model", name}, {"prompt", "1"}, {"max_tokens", 1}, {"temperature", 0}},
            deadline, [](const json& answer) {
              answer.at("choices").at(0).at("text").get_ref<const std::string&>();
            });
  BackendKind kind{.name = "text", .facts = {}, .make = {}, .health = listed ? "/v1/models" : ""};
  LlmServerFacts& facts = kind.facts;
  facts.model.description = name;
  facts.n_vocab = slm.size();
  facts.context_size = context_size_of(listed.value_or(json::object()));
  facts.writes_text = true;
  facts.note = options.url +
               " completes texts alone: each trip takes all of the text, in plain routing, and it "
               "draws by temperature and top-p alone";
  kind.make = asks_to_write(options, counters, std::make_shared<const TextServer>(name, slm));
  return kind;
}

}  // namespace citer
