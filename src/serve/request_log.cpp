#include "serve/request_log.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "base/utf8.h"
#include "serve/json_fields.h"

namespace citer {

std::string request_log_line(const RequestRecord& record, std::chrono::system_clock::time_point end,
                             double seconds) {
  const auto whole = std::chrono::floor<std::chrono::seconds>(end);
  const auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(end - whole);
  Json line = {
      {"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                           fmt::gmtime(std::chrono::system_clock::to_time_t(whole)), rest.count())},
      {"id", record.id},
      {"method", record.method},
      {"path", valid_utf8(record.path)},
      {"status", record.status},
      {"seconds", seconds}};
  if (!record.error.empty()) line["error"] = record.error;
  if (record.prompt_tokens > 0) {
    line["model"] = record.model;
    line["stream"] = record.streamed;
    line["prompt_tokens"] = record.prompt_tokens;
    line["slm_tokens"] = record.slm_tokens;
    line["llm_tokens"] = record.llm_tokens;
  }
  if (!record.body.empty()) line["body"] = valid_utf8(record.body);
  return line.dump();
}

}  // namespace citer
