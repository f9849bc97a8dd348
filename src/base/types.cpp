#include "citer/types.h"

namespace citer {

const char* to_string(Writer writer) { return writer == Writer::kSlm ? "slm" : "llm"; }

const char* to_string(FinishReason reason) {
  if (reason == FinishReason::kError) return "error";
  return reason == FinishReason::kLength ? "length" : "stop";
}

Counters& Counters::operator+=(const Counters& other) {
  slm_tokens += other.slm_tokens;
  llm_tokens += other.llm_tokens;
  llm_own_tokens += other.llm_own_tokens;
  slm_passes += other.slm_passes;
  llm_passes += other.llm_passes;
  slm_positions += other.slm_positions;
  llm_positions += other.llm_positions;
  slm_cache_reads += other.slm_cache_reads;
  llm_cache_reads += other.llm_cache_reads;
  accepted += other.accepted;
  rejected += other.rejected;
  unanswered += other.unanswered;
  dropped += other.dropped;
  slm_seconds += other.slm_seconds;
  llm_seconds += other.llm_seconds;
  router_seconds += other.router_seconds;
  sampling_seconds += other.sampling_seconds;
  return *this;
}

Counters& Counters::operator-=(const Counters& other) {
  slm_tokens -= other.slm_tokens;
  llm_tokens -= other.llm_tokens;
  llm_own_tokens -= other.llm_own_tokens;
  slm_passes -= other.slm_passes;
  llm_passes -= other.llm_passes;
  slm_positions -= other.slm_positions;
  llm_positions -= other.llm_positions;
  slm_cache_reads -= other.slm_cache_reads;
  llm_cache_reads -= other.llm_cache_reads;
  accepted -= other.accepted;
  rejected -= other.rejected;
  unanswered -= other.unanswered;
  dropped -= other.dropped;
  slm_seconds -= other.slm_seconds;
  llm_seconds -= other.llm_seconds;
  router_seconds -= other.router_seconds;
  sampling_seconds -= other.sampling_seconds;
  return *this;
}

}  // namespace citer
