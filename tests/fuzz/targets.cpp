#include "fuzz/targets.h"

#include <array>

namespace citer::fuzz {

std::span<const Target> targets() {
  static constexpr std::array<Target, 14> kTargets = {{{"router", router_file},
                                                       {"preferences", preferences_file},
                                                       {"model", model_header},
                                                       {"jsonl", dataset_jsonl},
                                                       {"json", dataset_json},
                                                       {"csv", dataset_csv},
                                                       {"judge", judge_records},
                                                       {"answer", answer},
                                                       {"grammar", grammar},
                                                       {"schema", json_schema},
                                                       {"chat", chat_messages},
                                                       {"http", http_body},
                                                       {"hub", hub_replies},
                                                       {"text", model_text}}};
  return kTargets;
}

}  // namespace citer::fuzz
