#include "cli/field_flags.h"

#include <algorithm>
#include <map>

namespace citer::cli {

std::string flag_of(const std::string& field) {
  static const std::map<std::string, std::string> kOtherNames = {
      {"command", "--judge-command"},
      {"context_size", "-c"},
      {"continue_by", "--continue"},
      {"flash_attention", "--flash-attn"},
      {"max_tokens", "-n"},
      {"pattern", "--answer-pattern"},
      {"pending_tokens", "--speculate"},
      {"prompt_template", "--template"},
      {"routers", "--router"},
      {"sequences", "-np"},
      {"shots_path", "--shots-file"},
      {"temperature", "--temp"},
      {"template_kwargs", "--chat-template-kwargs"},
  };
  if (const auto other = kOtherNames.find(field); other != kOtherNames.end()) return other->second;
  // Of a pair's options: the SLM's flags are called as those of llama.cpp's draft model.
  if (field.starts_with("llm.")) return flag_of(field.substr(4));
  if (field.starts_with("slm.")) return flag_of(field.substr(4)) + "-draft";
  std::string flag = "--" + field;
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string flag_text(const FieldError& error) { return error.text(flag_of); }

}  // namespace citer::cli
