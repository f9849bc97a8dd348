#include "learn/preferences.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "citer/error.h"
#include "learn/branch.h"
#include "model/fingerprint.h"
#include "model/gguf_data.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kFormatVersion = 2;
/// Of before labels had weights and sources.
constexpr std::int64_t kFirstVersion = 1;

/// The columns by their tensors' names.
template <typename P>
auto float_columns(P& p) {
  return std::array{std::pair{"label", &p.label}, std::pair{"slm_logprob", &p.slm_logprob},
                    std::pair{"llm_logprob", &p.llm_logprob}, std::pair{"weight", &p.weight},
                    std::pair{"llm_gap", &p.llm_gap}};
}
template <typename P>
auto integer_columns(P& p) {
  return std::array{std::pair{"example", &p.example},     std::pair{"position", &p.position},
                    std::pair{"slm_token", &p.slm_token}, std::pair{"llm_token", &p.llm_token},
                    std::pair{"ref_token", &p.ref_token}, std::pair{"kind", &p.kind},
                    std::pair{"source", &p.source}};
}
template <typename C>
auto count_fields(C& c) {
  return std::array{std::pair{"slm_ok", &c.slm_ok},
                    std::pair{"llm_ok", &c.llm_ok},
                    std::pair{"both_off", &c.both_off},
                    std::pair{"prefer_slm", &c.prefer_slm},
                    std::pair{"prefer_llm", &c.prefer_llm},
                    std::pair{"by_rollout", &c.by_rollout},
                    std::pair{"cut_off", &c.cut_off},
                    std::pair{"not_chosen", &c.not_chosen},
                    std::pair{"rollout_tokens", &c.rollout_tokens},
                    std::pair{"no_answer", &c.no_answer},
                    std::pair{"cut_text", &c.cut_text},
                    std::pair{"rollouts", &c.rollouts},
                    std::pair{"examples", &c.examples},
                    std::pair{"no_reference", &c.no_reference},
                    std::pair{"wrong_llm", &c.wrong_llm},
                    std::pair{"too_long", &c.too_long}};
}

template <typename T>
void add_all(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

void count_row(PreferenceCounts& counts, PositionKind kind, LabelSource source, double label) {
  ++(kind == PositionKind::kSlmOk   ? counts.slm_ok
     : kind == PositionKind::kLlmOk ? counts.llm_ok
                                    : counts.both_off);
  if (source == LabelSource::kCut) {
    ++counts.cut_off;
  } else if (source == LabelSource::kNotChosen) {
    ++counts.not_chosen;
  } else {
    ++(label > 0.5 ? counts.prefer_slm : counts.prefer_llm);
    if (source == LabelSource::kRollout) ++counts.by_rollout;
  }
}

void check_same(const ModelIdentity& a, const ModelIdentity& b, const char* role,
                const std::string& a_name, const std::string& b_name) {
  if (a.fingerprint == b.fingerprint) return;
  throw InputError(fmt::format(
      "{} and {} do not go together: collected with the {} '{}' (fingerprint {}) and '{}' ({})",
      a_name, b_name, role, a.name, fingerprint_text(a.fingerprint), b.name,
      fingerprint_text(b.fingerprint)));
}

void add_columns(GgufWriter& file, const Preferences& p, const std::vector<std::int32_t>& right) {
  file.add("slm_right", right);
  file.add("hidden", p.info.n_embd, p.hidden.bytes());
  file.add("confidence", GGML_TYPE_F32, kConfidenceFeatures, p.confidence);
  const auto n = static_cast<std::int64_t>(p.size());
  for (const auto& [name, column] : float_columns(p)) file.add(name, GGML_TYPE_F32, n, *column);
  for (const auto& [name, column] : integer_columns(p)) file.add(name, *column);
}

/// What a file of the first version does not say: every label counts once.
void add_sources(Preferences& p) {
  p.weight.assign(p.size(), 1.0F);
  p.llm_gap.assign(p.size(), 0.0F);
  for (std::size_t i = 0; i < p.size(); ++i) {
    const bool rolled = needs_rollout(p.info.labels, static_cast<PositionKind>(p.kind[i]),
                                      p.slm_token[i], p.llm_token[i]);
    const LabelSource source = rolled                             ? LabelSource::kRollout
                               : p.slm_token[i] == p.llm_token[i] ? LabelSource::kAgreement
                                                                  : LabelSource::kShortcut;
    p.source.push_back(static_cast<std::int32_t>(source));
  }
}

PreferencesInfo read_info(const GgufReader& file) {
  PreferencesInfo info;
  info.n_embd = static_cast<int>(file.integer("citer.n_embd"));
  info.slm = {file.text("citer.slm.name"), file.hash("citer.slm.fingerprint")};
  info.llm = {file.text("citer.llm.name"), file.hash("citer.llm.fingerprint")};
  info.data = file.text("citer.data");
  // Files of before have no format.
  if (file.has("citer.chat_format")) info.chat_format = file.text("citer.chat_format");
  info.round = static_cast<int>(file.integer("citer.round"));
  info.labels = label_rule(file.text("citer.labels"));
  info.states = state_source(file.text("citer.states"));
  if (file.has("citer.judge")) info.judge = outcome_rule(file.text("citer.judge"));
  if (file.has("citer.continued_by")) {
    info.continued_by = continue_by(file.text("citer.continued_by"));
  }
  info.identity = file.text("citer.identity");
  for (const auto& [name, value] : count_fields(info.counts)) {
    const std::string key = std::string("citer.counts.") + name;
    if (file.has(key)) *value = file.integer(key);
  }
  return info;
}

}  // namespace

PreferenceCounts& PreferenceCounts::operator+=(const PreferenceCounts& other) {
  const auto mine = count_fields(*this);
  const auto theirs = count_fields(other);
  for (std::size_t i = 0; i < mine.size(); ++i) *mine[i].second += *theirs[i].second;
  return *this;
}

std::string counts_text(const PreferenceCounts& c) {
  const std::int64_t n = c.slm_ok + c.llm_ok + c.both_off;
  const auto share = [&](std::int64_t part) {
    return 100.0 * static_cast<double>(part) / static_cast<double>(std::max<std::int64_t>(n, 1));
  };
  std::string text = fmt::format(
      "SLM right {:.1f} %, only LLM right {:.1f} %, both off {:.1f} %; LLM preferred {:.1f} %; "
      "{:.1f} % settled by {} rollouts of {} tokens",
      share(c.slm_ok), share(c.llm_ok), share(c.both_off), share(c.prefer_llm), share(c.by_rollout),
      c.rollouts, c.rollout_tokens);
  if (c.not_chosen > 0) text += fmt::format("; {:.1f} % not chosen", share(c.not_chosen));
  if (c.cut_off > 0) text += fmt::format("; at {} a rollout was cut off", c.cut_off);
  for (const auto& [count, why] : {std::pair{c.no_reference, "without a reference text"},
                                   std::pair{c.wrong_llm, "that the LLM answers wrongly"},
                                   std::pair{c.no_answer, "without an answer of the LLM's"},
                                   std::pair{c.cut_text, "whose text was cut off"},
                                   std::pair{c.too_long, "longer than the context"}}) {
    if (count > 0) text += fmt::format("; {} examples {} skipped", count, why);
  }
  return text;
}

std::span<const float> Preferences::confidence_row(std::size_t i) const {
  constexpr std::size_t kWidth = kConfidenceFeatures;
  return std::span(confidence).subspan(i * kWidth, kWidth);
}

void Preferences::add_row(const TeacherPosition& p, std::size_t h, Token reference,
                          PositionKind of_kind, LabelSource of_source, double prefers_slm,
                          double of_weight) {
  if (hidden.width() == 0) hidden = HiddenStates(info.n_embd);
  hidden.append(p.hidden);
  confidence.insert(confidence.end(), p.confidence.begin(), p.confidence.end());
  label.push_back(static_cast<float>(prefers_slm));
  weight.push_back(static_cast<float>(of_weight));
  llm_gap.push_back(p.llm_gap);
  slm_logprob.push_back(p.slm_logprob);
  llm_logprob.push_back(p.llm_logprob);
  example.push_back(static_cast<std::int32_t>(examples.size()) - 1);
  position.push_back(static_cast<std::int32_t>(h));
  slm_token.push_back(p.slm_token);
  llm_token.push_back(p.llm_token);
  ref_token.push_back(reference);
  kind.push_back(static_cast<std::int32_t>(of_kind));
  source.push_back(static_cast<std::int32_t>(of_source));
  count_row(info.counts, of_kind, of_source, prefers_slm);
}

void Preferences::append(const Preferences& other, const std::string& name,
                         const std::string& other_name) {
  check_same(info.slm, other.info.slm, "SLM", name, other_name);
  check_same(info.llm, other.info.llm, "LLM", name, other_name);
  const std::string& format = other.info.chat_format;
  if (!info.chat_format.empty() && !format.empty() && info.chat_format != format) {
    throw InputError(fmt::format(
        "{} and {} do not go together: collected on prompts in the format '{}' and '{}'", name,
        other_name, info.chat_format, format));
  }
  const auto first = static_cast<std::int32_t>(examples.size());
  info.counts += other.info.counts;
  add_all(examples, other.examples);
  if (hidden.width() == 0) hidden = HiddenStates(info.n_embd);
  hidden.append(other.hidden);
  add_all(confidence, other.confidence);
  const auto floats = float_columns(*this);
  const auto other_floats = float_columns(other);
  for (std::size_t i = 0; i < floats.size(); ++i)
    add_all(*floats[i].second, *other_floats[i].second);
  const std::size_t before = example.size();
  const auto integers = integer_columns(*this);
  const auto other_integers = integer_columns(other);
  for (std::size_t i = 0; i < integers.size(); ++i) {
    add_all(*integers[i].second, *other_integers[i].second);
  }
  for (std::size_t i = before; i < example.size(); ++i) example[i] += first;
}

Preferences load_preferences(const fs::path& path) {
  const GgufReader file(path, kPreferencesArchitecture);
  const std::int64_t version = file.integer("citer.format_version");
  if (version < kFirstVersion || version > kFormatVersion) {
    throw InputError(fmt::format("{}: preferences format {}, expected {} to {}", path.string(),
                                 version, kFirstVersion, kFormatVersion));
  }
  Preferences p;
  try {
    p.info = read_info(file);
  } catch (const UsageError& e) {
    throw InputError(fmt::format("{}: {}", path.string(), e.what()));
  }
  const std::vector<std::string> ids = file.texts("citer.example.ids");
  if (file.integer("citer.positions") == 0) return p;
  const std::vector<std::int32_t> right = file.integers("slm_right");
  p.hidden = HiddenStates(static_cast<int>(file.shape("hidden").first), file.halves("hidden"),
                          file.file());
  p.confidence = file.floats("confidence");
  for (const auto& [name, column] : float_columns(p)) {
    if (file.has_tensor(name)) *column = file.floats(name);
  }
  for (const auto& [name, column] : integer_columns(p)) {
    if (file.has_tensor(name)) *column = file.integers(name);
  }
  if (version == kFirstVersion) add_sources(p);

  bool sound = right.size() == ids.size() && p.info.n_embd > 0 &&
               p.hidden.width() == p.info.n_embd && p.hidden.size() == p.size() &&
               p.confidence.size() == p.size() * kConfidenceFeatures;
  for (const auto& [name, column] : float_columns(p)) sound &= column->size() == p.size();
  for (const auto& [name, column] : integer_columns(p)) sound &= column->size() == p.size();
  for (const std::int32_t e : p.example)
    sound &= e >= 0 && static_cast<std::size_t>(e) < ids.size();
  if (!sound) {
    throw InputError(
        fmt::format("{}: its columns do not belong together (expected {} rows of {} values)",
                    path.string(), p.size(), p.info.n_embd));
  }
  for (std::size_t i = 0; i < ids.size(); ++i) {
    p.examples.push_back({ids[i], right[i] < 0 ? std::nullopt : std::optional(right[i] != 0)});
  }
  return p;
}

void save_preferences(const fs::path& path, const Preferences& p) {
  GgufWriter file(kPreferencesArchitecture);
  file.set("general.name",
           fmt::format("preferences of {} and {}", p.info.slm.name, p.info.llm.name));
  file.set("citer.format_version", kFormatVersion);
  file.set("citer.n_embd", std::int64_t{p.info.n_embd});
  file.set("citer.slm.name", p.info.slm.name);
  file.set_hash("citer.slm.fingerprint", p.info.slm.fingerprint);
  file.set("citer.llm.name", p.info.llm.name);
  file.set_hash("citer.llm.fingerprint", p.info.llm.fingerprint);
  file.set("citer.data", p.info.data);
  if (!p.info.chat_format.empty()) file.set("citer.chat_format", p.info.chat_format);
  file.set("citer.round", std::int64_t{p.info.round});
  file.set("citer.labels", std::string(to_string(p.info.labels)));
  file.set("citer.states", std::string(to_string(p.info.states)));
  file.set("citer.judge", std::string(to_string(p.info.judge)));
  file.set("citer.continued_by", std::string(to_string(p.info.continued_by)));
  file.set("citer.identity", p.info.identity);
  for (const auto& [name, value] : count_fields(p.info.counts)) {
    file.set(std::string("citer.counts.") + name, *value);
  }
  std::vector<std::string> ids;
  std::vector<std::int32_t> right;
  for (const PreferenceExample& example : p.examples) {
    ids.push_back(example.id);
    right.push_back(!example.slm_right ? -1 : *example.slm_right ? 1 : 0);
  }
  file.set("citer.example.ids", ids);
  file.set("citer.positions", static_cast<std::int64_t>(p.size()));
  if (p.size() > 0) add_columns(file, p, right);
  file.save(path);
}

ShortcutAgreement shortcut_agreement(const Preferences& p) {
  ShortcutAgreement result;
  for (std::size_t i = 0; i < p.size(); ++i) {
    const auto kind = static_cast<PositionKind>(p.kind[i]);
    const bool is_settled = p.slm_token[i] != p.llm_token[i] && kind != PositionKind::kBothOff;
    if (p.weight[i] <= 0 || !is_settled) continue;
    ++result.settled;
    result.agreed += (p.label[i] > 0.5F) == (kind == PositionKind::kSlmOk) ? 1 : 0;
  }
  return result;
}

LabelTally tally_of(const Preferences& p, LabelSource source) {
  LabelTally out;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if (p.source[i] != static_cast<std::int32_t>(source)) continue;
    ++out.positions;
    out.prefer_llm += p.weight[i] > 0 && p.label[i] <= 0.5F ? 1 : 0;
  }
  return out;
}

std::string labels_text(const Preferences& p) {
  std::string text = counts_text(p.info.counts);
  const auto [settled, agreed] = shortcut_agreement(p);
  if (p.info.labels != LabelRule::kOutcome || settled == 0) return text;
  return text + fmt::format(
                    "; where the models disagree, the shortcut would settle {} positions, "
                    "{:.1f} % of them alike",
                    settled, 100.0 * static_cast<double>(agreed) / static_cast<double>(settled));
}

std::int64_t flipped_labels(const Preferences& a, const Preferences& b) {
  std::map<std::pair<std::string, std::int32_t>, bool> prefers_slm;
  const auto key = [](const Preferences& p, std::size_t i) {
    return std::pair{p.examples[static_cast<std::size_t>(p.example[i])].id, p.position[i]};
  };
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a.weight[i] > 0) prefers_slm[key(a, i)] = a.label[i] > 0.5F;
  }
  std::int64_t flipped = 0;
  for (std::size_t i = 0; i < b.size(); ++i) {
    if (b.weight[i] <= 0) continue;
    const auto found = prefers_slm.find(key(b, i));
    flipped += found != prefers_slm.end() && found->second != (b.label[i] > 0.5F) ? 1 : 0;
  }
  return flipped;
}

}  // namespace citer
