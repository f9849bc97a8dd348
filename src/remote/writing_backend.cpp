#include "remote/writing_backend.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "citer/error.h"
#include "model/vocab_facts.h"

namespace citer {

namespace {

constexpr int kMostWritten = 32;  // tokens that one request writes
constexpr int kMostLinks = 16;

}  // namespace

WritingBackend::WritingBackend(const RemoteOptions& options, LinkCounters& counters,
                               std::shared_ptr<const WritingServer> server, int sequences)
    : server_(std::move(server)), pool_(std::min(sequences, kMostLinks)) {
  for (int i = 0; i < pool_.size(); ++i) links_.emplace_back(options, counters);
}

std::vector<Reply> WritingBackend::ask(std::span<const Question> questions, Deadline deadline) {
  std::vector<Reply> replies(questions.size());
  pool_.for_each(questions.size(), [&](int worker, std::size_t i) {
    try {
      replies[i] = ask_one(links_[static_cast<std::size_t>(worker)], questions[i], deadline);
    } catch (const Error& e) {
      replies[i].fault = e.what();
    }
  });
  return replies;
}

Reply WritingBackend::ask_one(PatientLink& link, const Question& question,
                              Deadline deadline) const {
  const int first = question.positions.front();
  const int wanted = question.positions.back() - first + 1 + question.ahead;
  const auto prompt = question.tokens.first(static_cast<std::size_t>(first));
  const nlohmann::json request = server_->request(question, prompt, std::min(kMostWritten, wanted));
  Reply reply;
  link.post(server_->path(), request, deadline, [&](const nlohmann::json& answer) {
    Written written = server_->read(answer);
    if (written.rows.size() != written.tokens.size()) {
      throw LinkFault("it gives no likeliest tokens for what it wrote");
    }
    if (written.tokens.empty()) {  // and would again
      reply.fault = fmt::format("{}{}: it wrote nothing", link.url(), server_->path());
    }
    reply.line.assign(prompt.begin(), prompt.end());
    for (std::size_t k = 0; k < written.tokens.size(); ++k) {
      if (written.rows[k].likeliest.empty()) throw LinkFault("it lists no likeliest tokens");
      written.rows[k].position = first + static_cast<int>(k);
      if (k > 0) reply.line.push_back(written.tokens[k - 1]);
    }
    reply.rows = std::move(written.rows);
    reply.llm_seconds = written.llm_seconds;
    reply.positions = written.positions;
    reply.own_tokens = written.own_tokens;
  });
  return reply;
}

std::function<std::unique_ptr<Backend>(int sequences)> asks_to_write(
    const RemoteOptions& options, LinkCounters& counters,
    std::shared_ptr<const WritingServer> server) {
  return [options, &counters, server = std::move(server)](int sequences) {
    return std::make_unique<WritingBackend>(options, counters, server, sequences);
  };
}

std::optional<nlohmann::json> listed_model(PatientLink& link, const RemoteOptions& options,
                                           Deadline deadline) {
  const LinkReply reply = link.look("/v1/models", deadline);
  const auto told = nlohmann::json::parse(reply.body, nullptr, false);
  if (reply.status != 200 || !told.is_object() || !told.contains("data")) return std::nullopt;
  for (const nlohmann::json& model : told["data"]) {
    if (!model.is_object() || !model.contains("id") || !model["id"].is_string()) continue;
    if (!options.model.empty() && model["id"] != options.model) continue;
    return std::optional<nlohmann::json>(std::in_place, model);
  }
  return std::nullopt;
}

void check_samples(
    const std::string& url, const Vocab& slm,
    const std::function<std::vector<Token>(const std::string& text, bool special)>& tokenize) {
  std::vector<std::string> differences;
  for (const VocabSample& sample : vocab_samples()) {
    const std::vector<Token> ours = slm.tokenize(sample.text, false, false);
    const std::vector<Token> theirs = tokenize(sample.text, false);
    if (ours == theirs) continue;
    differences.push_back(fmt::format("{} become other tokens ({} against {} in a sample)",
                                      sample.name, ours.size(), theirs.size()));
  }
  for (const Token token : {slm.end_of_answer(), slm.beginning()}) {
    if (token < 0 || tokenize(slm.spelling(token), true) == std::vector{token}) continue;
    differences.push_back(fmt::format("token {} is not '{}'", token, slm.spelling(token)));
  }
  if (differences.empty()) return;
  throw InputError(
      fmt::format("{}: its vocabulary is not the SLM's: {}", url, fmt::join(differences, "; ")));
}

}  // namespace citer
