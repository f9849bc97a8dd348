#include "decode/invariants.h"

#include <algorithm>

#include <fmt/format.h>

namespace citer {

namespace {

/// What is true in every phase.
std::string fault_of_state(const Sequence& s, std::size_t context_size) {
  const std::size_t prompt = s.request.prompt.size();
  if (s.tokens.size() != prompt + s.records.size() + s.drafts.size()) {
    return "tokens are not prompt, answer and drafts";
  }
  if (!std::equal(s.request.prompt.begin(), s.request.prompt.end(), s.tokens.begin())) {
    return "the prompt has changed";
  }
  if (s.counters.tokens() != static_cast<std::int64_t>(s.records.size())) {
    return "the ledger counts other tokens than there are";
  }
  if (s.tokens.size() > context_size) return "more tokens than the context holds";
  for (std::size_t i = 0; i < s.drafts.size(); ++i) {
    if (s.drafts[i].record.id != s.tokens[s.decided() + i]) return "a draft is not its token";
  }
  const auto unknown = std::find(s.tokens.begin(), s.tokens.end(), kNoToken);
  if (unknown != s.tokens.end() && unknown + 1 != s.tokens.end()) {
    return "something stands behind a token that is not known";
  }
  return "";
}

/// What is true in its phase.
std::string fault_of_phase(const Sequence& s, bool is_verified) {
  const bool has_pending = !s.drafts.empty() && s.drafts.front().pending;
  if (!s.drafts.empty() && !has_pending) return "the first draft is not pending";
  if ((s.phase == Phase::kFinished) != s.finish.has_value()) return "finished without a reason";
  if (has_pending && s.llm_side && s.llm_side->bytes != s.text.text().size()) {
    return "the LLM is to go on behind another text";
  }
  switch (s.phase) {
    case Phase::kQueued:
      return "queued in a slot";
    case Phase::kPrefill:
      return s.records.empty() && s.drafts.empty() ? "" : "has drafts in its prefill";
    case Phase::kDrafting:
      return "";
    case Phase::kPending:
      return has_pending ? "" : "waits for nothing";
    case Phase::kVerifying:
      return has_pending && is_verified ? "" : "no pass verifies it";
    case Phase::kFinished:
      return s.drafts.empty() ? "" : "has drafts behind its end";
  }
  return "";
}

}  // namespace

std::string check_invariants(const Snapshot& snapshot) {
  for (std::size_t slot = 0; slot < snapshot.slots.size(); ++slot) {
    const Sequence* sequence = snapshot.slots[slot].sequence;
    if (sequence == nullptr) continue;
    const bool is_verified =
        std::any_of(snapshot.under_way.begin(), snapshot.under_way.end(),
                    [&](const Read& read) { return read.slot == static_cast<int>(slot); });
    std::string fault = fault_of_state(*sequence, snapshot.context_size);
    if (fault.empty()) fault = fault_of_phase(*sequence, is_verified);
    if (!fault.empty()) {
      return fmt::format("slot {} ({}): {}", slot, to_string(sequence->phase), fault);
    }
  }
  return "";
}

}  // namespace citer
