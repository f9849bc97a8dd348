#include "eval/record.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/utf8.h"
#include "citer/error.h"

namespace citer {

namespace {

using nlohmann::ordered_json;

ordered_json counters_json(const Counters& c) {
  return {{"slm_tokens", c.slm_tokens},           {"llm_tokens", c.llm_tokens},
          {"llm_own_tokens", c.llm_own_tokens},   {"slm_passes", c.slm_passes},
          {"llm_passes", c.llm_passes},           {"slm_positions", c.slm_positions},
          {"llm_positions", c.llm_positions},     {"slm_cache_reads", c.slm_cache_reads},
          {"llm_cache_reads", c.llm_cache_reads}, {"slm_seconds", c.slm_seconds},
          {"llm_seconds", c.llm_seconds}};
}

Counters counters_from(const ordered_json& j) {
  Counters c;
  c.slm_tokens = j.at("slm_tokens");
  c.llm_tokens = j.at("llm_tokens");
  c.llm_own_tokens = j.value("llm_own_tokens", c.llm_tokens);  // not told by earlier runs
  c.slm_passes = j.at("slm_passes");
  c.llm_passes = j.at("llm_passes");
  c.slm_positions = j.at("slm_positions");
  c.llm_positions = j.at("llm_positions");
  c.slm_cache_reads = j.at("slm_cache_reads");
  c.llm_cache_reads = j.at("llm_cache_reads");
  c.slm_seconds = j.at("slm_seconds");
  c.llm_seconds = j.at("llm_seconds");
  return c;
}

/// Tokens as [piece, writer, score], short because there are many.
ordered_json tokens_json(const std::vector<TokenRecord>& tokens) {
  ordered_json list = ordered_json::array();
  for (const TokenRecord& t : tokens) {
    list.push_back({valid_utf8(t.piece), to_string(t.writer), t.score});
  }
  return list;
}

std::vector<TokenRecord> tokens_from(const ordered_json& list) {
  std::vector<TokenRecord> tokens;
  for (const ordered_json& item : list) {
    TokenRecord token;
    token.piece = item.at(0);
    token.writer = item.at(1) == "llm" ? Writer::kLlm : Writer::kSlm;
    token.score = item.at(2);
    tokens.push_back(std::move(token));
  }
  return tokens;
}

ordered_json example_json(const ExampleRecord& e) {
  ordered_json j = {{"id", e.id},
                    {"correct", e.correct},
                    {"answer", valid_utf8(e.answer)},
                    {"rule", e.rule},
                    {"finish", e.finish},
                    {"prompt_tokens", e.prompt_tokens},
                    {"counters", counters_json(e.counters)},
                    {"seconds", e.seconds},
                    {"text", valid_utf8(e.text)}};
  if (!e.tokens.empty()) {
    j["prompt"] = valid_utf8(e.prompt);
    j["gold"] = valid_utf8(e.gold);
    j["tokens"] = tokens_json(e.tokens);
  }
  return j;
}

ExampleRecord example_from(const ordered_json& j) {
  ExampleRecord e;
  e.id = j.at("id");
  e.correct = j.at("correct");
  e.answer = j.at("answer");
  e.rule = j.at("rule");
  e.finish = j.at("finish");
  e.prompt_tokens = j.at("prompt_tokens");
  e.counters = counters_from(j.at("counters"));
  e.seconds = j.at("seconds");
  e.text = j.at("text");
  if (j.contains("tokens")) {
    e.prompt = j.at("prompt");
    e.gold = j.at("gold");
    e.tokens = tokens_from(j.at("tokens"));
  }
  return e;
}

}  // namespace

int ScoreBins::bin(double score) {
  return std::clamp(static_cast<int>(score * kBins), 0, kBins - 1);
}

ScoreBins& ScoreBins::operator+=(const ScoreBins& other) {
  for (std::size_t i = 0; i < kBins; ++i) {
    tokens[i] += other.tokens[i];
    audited[i] += other.audited[i];
    agreed[i] += other.agreed[i];
    score_sum[i] += other.score_sum[i];
  }
  return *this;
}

std::string to_json_line(const ChunkRecord& chunk) {
  ordered_json examples = ordered_json::array();
  for (const ExampleRecord& e : chunk.examples) examples.push_back(example_json(e));
  const ordered_json j = {{"data", chunk.setting.data},
                          {"policy", chunk.setting.policy},
                          {"threshold", chunk.setting.threshold},
                          {"chunk", chunk.chunk},
                          {"wall_seconds", chunk.wall_seconds},
                          {"totals", counters_json(chunk.totals)},
                          {"scores",
                           {{"tokens", chunk.scores.tokens},
                            {"audited", chunk.scores.audited},
                            {"agreed", chunk.scores.agreed},
                            {"score_sum", chunk.scores.score_sum}}},
                          {"examples", std::move(examples)}};
  return j.dump();
}

ChunkRecord chunk_from_json(std::string_view line) {
  try {
    const ordered_json j = ordered_json::parse(line);
    ChunkRecord chunk;
    chunk.setting = {j.at("data"), j.at("policy"), j.at("threshold")};
    chunk.chunk = j.at("chunk");
    chunk.wall_seconds = j.at("wall_seconds");
    chunk.totals = counters_from(j.at("totals"));
    const ordered_json& scores = j.at("scores");
    chunk.scores.tokens = scores.at("tokens");
    chunk.scores.audited = scores.at("audited");
    chunk.scores.agreed = scores.at("agreed");
    chunk.scores.score_sum = scores.at("score_sum");
    for (const ordered_json& e : j.at("examples")) chunk.examples.push_back(example_from(e));
    return chunk;
  } catch (const nlohmann::json::exception& e) {
    throw InputError(fmt::format("no evaluation record: {}", e.what()));
  }
}

}  // namespace citer
