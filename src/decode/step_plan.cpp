#include "decode/step_plan.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace citer {

namespace {

using Slots = std::vector<SlotView>;

std::string read_fault(const Read& read, const Slots& slots, Writer model) {
  if (read.slot < 0 || read.slot >= static_cast<int>(slots.size())) return "no such slot";
  const Sequence* sequence = slots[static_cast<std::size_t>(read.slot)].sequence;
  if (sequence == nullptr || sequence->finish) return "the slot has nothing to read";
  const std::size_t there =
      model == Writer::kLlm ? sequence->llm_tokens().size() : sequence->tokens.size();
  if (read.length == 0 || read.length > there) return "reads what is not there";
  if (!std::is_sorted(read.rows.begin(), read.rows.end(), std::less_equal<>())) {
    return "rows do not ascend";
  }
  const bool outside = !read.rows.empty() &&
                       (read.rows.front() < 0 || read.rows.back() >= static_cast<int>(read.length));
  return outside ? "a row lies outside what is read" : "";
}

std::string pass_fault(const std::vector<Read>& reads, const Slots& slots, Writer model) {
  std::vector<bool> seen(slots.size());
  for (const Read& read : reads) {
    if (std::string fault = read_fault(read, slots, model); !fault.empty()) return fault;
    if (seen[static_cast<std::size_t>(read.slot)]) return "a slot is read twice";
    seen[static_cast<std::size_t>(read.slot)] = true;
  }
  return "";
}

std::string draft_fault(const DraftPlan& draft, const StepPlan& plan, const Slots& slots) {
  const Sequence* sequence = slots[static_cast<std::size_t>(draft.slot)].sequence;
  if (sequence == nullptr || sequence->phase == Phase::kPending ||
      sequence->phase == Phase::kFinished) {
    return "the slot may not draft";
  }
  const auto belongs = [&](std::size_t i, const std::vector<Read>& reads) {
    return i == kNoRead ||
           (i < reads.size() && reads[i].slot == draft.slot && reads[i].rows.size() == 1);
  };
  const bool sound = belongs(draft.slm_read, plan.slm) && belongs(draft.llm_read, plan.llm);
  return sound ? "" : "a draft's row is not its own";
}

std::string verify_fault(const Read& read, const Slots& slots) {
  const Sequence& sequence = *slots[static_cast<std::size_t>(read.slot)].sequence;
  if (read.rows.empty()) return "";
  return sequence.drafts.empty() ? "nothing is pending" : "";
}

}  // namespace

std::string plan_fault(const StepPlan& plan, const Slots& slots) {
  const auto named = [](int slot, const std::string& fault) {
    return fmt::format("slot {}: {}", slot, fault);
  };
  for (const auto& [reads, model] :
       {std::pair(&plan.slm, Writer::kSlm), std::pair(&plan.llm, Writer::kLlm)}) {
    const std::string fault = pass_fault(*reads, slots, model);
    if (!fault.empty()) return (model == Writer::kSlm ? "SLM: " : "LLM: ") + fault;
  }
  for (const DraftPlan& draft : plan.drafts) {
    if (std::string fault = draft_fault(draft, plan, slots); !fault.empty()) {
      return named(draft.slot, fault);
    }
  }
  if (plan.kind == StepPlan::Kind::kVerify) {
    for (const Read& read : plan.llm) {
      if (std::string fault = verify_fault(read, slots); !fault.empty()) {
        return named(read.slot, fault);
      }
    }
  }
  for (const Eviction& eviction : plan.evictions) {
    if (slots[static_cast<std::size_t>(eviction.slot)].sequence != nullptr) {
      return named(eviction.slot, "its cache is in use");
    }
  }
  return "";
}

}  // namespace citer
