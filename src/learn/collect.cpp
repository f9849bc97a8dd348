#include "learn/collect.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/file.h"
#include "base/progress.h"
#include "citer/error.h"
#include "learn/branch.h"
#include "learn/rollouts.h"
#include "learn/teacher.h"
#include "model/fingerprint.h"
#include "route/learned_policy.h"

namespace citer {

namespace fs = std::filesystem;

namespace {

/// Examples that share the caches at a time. More would fill larger batches, but every cell in use
/// is one more for all to attend over.
constexpr std::size_t kTogether = 4;
/// Examples of one part file.
constexpr std::size_t kPart = 32;

/// An example at work: the text whose positions are labelled, and what the models make of it.
struct Work {
  RolloutText text;
  bool slm_right = false;
  std::vector<TeacherPosition> positions;
};

/// One collection.
class Collector {
 public:
  Collector(ModelPair& pair, const CollectOptions& options);
  std::optional<Preferences> run();

 private:
  std::string identity() const;
  std::optional<Preferences> finished() const;
  void open_parts() const;
  fs::path part_path(std::size_t part) const;
  Preferences empty() const;
  Preferences collect_part(std::span<const Example> examples);
  void collect_together(std::span<const Example> examples, Preferences& to);
  std::vector<Work> prepare(std::span<const Example> examples, PreferenceCounts& counts);
  void choose_texts(std::vector<Work>& work, PreferenceCounts& counts);
  void label(const std::vector<Work>& work, Preferences& to);
  bool stopped() const { return options_.should_stop && options_.should_stop(); }

  ModelPair& pair_;
  const CollectOptions& options_;
  AnswerJudge judge_;
  std::shared_ptr<const RoutingPolicy> slm_alone_;
  RolloutOptions rollouts_;
  std::vector<Dataset> datasets_;
  std::vector<Example> examples_;
  fs::path parts_;
  std::string identity_;
};

Collector::Collector(ModelPair& pair, const CollectOptions& options)
    : pair_(pair), options_(options), slm_alone_(make_policy("slm")) {
  if (options.data.empty()) throw UsageError("--data: name at least one dataset");
  if (options.rollouts < 1) {
    throw UsageError(fmt::format("--rollouts: expected 1 or more, found {}", options.rollouts));
  }
  if (options.states == StateSource::kPolicy && options.labels != LabelRule::kOutcome) {
    throw UsageError(
        "--states policy: what the policy writes has no reference; use --labels outcome");
  }
  for (const fs::path& path : options.data) {
    datasets_.push_back(load_dataset(path, options.dataset));
    const auto& examples = datasets_.back().examples;
    examples_.insert(examples_.end(), examples.begin(), examples.end());
  }
  rollouts_ = {.policy = slm_alone_,
               .threshold = 0.0,
               .count = options.rollouts,
               .temperature = options.temperature,
               .seed = options.seed,
               .max_tokens = options.max_tokens};
  if (!options.router.empty()) {
    rollouts_.policy = load_learned_policy(options.router, *pair.slm_model);
    rollouts_.threshold = options.threshold.value_or(rollouts_.policy->default_threshold());
  }
  parts_ = options.out;
  parts_ += ".parts";
  identity_ = identity();
}

std::string Collector::identity() const {
  const CollectOptions& o = options_;
  std::string text = fmt::format(
      "slm {} llm {} labels {} states {} cost-weight {} rollouts {} temperature {} seed {} "
      "max-tokens {} round {} context {} sequences {}",
      fingerprint_text(file_fingerprint(pair_.slm_model->options().path)),
      fingerprint_text(file_fingerprint(pair_.llm_model->options().path)), to_string(o.labels),
      to_string(o.states), o.cost_weight, o.rollouts, o.temperature, o.seed, o.max_tokens, o.round,
      pair_.decoder.context_size(), pair_.slm.sequences());
  if (!o.router.empty()) {
    text += fmt::format(" router {} threshold {}", fingerprint_text(file_fingerprint(o.router)),
                        rollouts_.threshold);
  }
  for (const Dataset& d : datasets_) text += " data " + fingerprint_text(d.fingerprint);
  return text;
}

Preferences Collector::empty() const {
  Preferences p;
  p.info.n_embd = pair_.slm_model->n_embd();
  p.info.slm = identity_of(*pair_.slm_model);
  p.info.llm = identity_of(*pair_.llm_model);
  for (const Dataset& d : datasets_) p.info.data += (p.info.data.empty() ? "" : ", ") + d.name;
  p.info.round = options_.round;
  p.info.labels = options_.labels;
  p.info.states = options_.states;
  p.info.identity = identity_;
  return p;
}

/// What an earlier run of the same work has left, if it came to the end.
std::optional<Preferences> Collector::finished() const {
  std::error_code error;
  if (!fs::exists(options_.out, error)) return std::nullopt;
  Preferences p = load_preferences(options_.out);
  if (p.info.identity != identity_) return std::nullopt;
  return p;
}

void Collector::open_parts() const {
  std::error_code error;
  const fs::path note = parts_ / "identity.txt";
  if (fs::exists(note, error)) {
    if (read_file(note) == identity_) return;
    throw InputError(
        fmt::format("{}: holds the parts of another collection (other models, data or "
                    "options); remove it or choose another --out",
                    parts_.string()));
  }
  fs::create_directories(parts_, error);
  if (error) {
    throw InputError(fmt::format("{}: cannot create: {}", parts_.string(), error.message()));
  }
  write_file(note, identity_);
}

fs::path Collector::part_path(std::size_t part) const {
  return parts_ / fmt::format("{:06}.gguf", part);
}

std::optional<Preferences> Collector::run() {
  if (auto earlier = finished()) {
    fs::remove_all(parts_);
    return earlier;
  }
  open_parts();
  Progress progress("collect", "examples", static_cast<std::int64_t>(examples_.size()));
  progress.update(0);
  Preferences all = empty();
  for (std::size_t part = 0; part * kPart < examples_.size(); ++part) {
    const auto examples = std::span<const Example>(examples_).subspan(
        part * kPart, std::min(kPart, examples_.size() - part * kPart));
    std::error_code error;
    if (!fs::exists(part_path(part), error)) {
      const Preferences collected = collect_part(examples);
      if (stopped()) return std::nullopt;
      save_preferences(part_path(part), collected);
    }
    // Read back, so that a part that was interrupted after gives the same digits (F16) as one that
    // was not.
    all.append(load_preferences(part_path(part)), options_.out.string(), part_path(part).string());
    progress.update(static_cast<std::int64_t>(part * kPart + examples.size()));
  }
  if (all.size() == 0) {
    throw InputError(fmt::format("{}: no example could be used: {}", options_.data.front().string(),
                                 counts_text(all.info.counts)));
  }
  save_preferences(options_.out, all);
  fs::remove_all(parts_);
  return all;
}

Preferences Collector::collect_part(std::span<const Example> examples) {
  Preferences part = empty();
  while (!examples.empty() && !stopped()) {
    const auto together = examples.first(std::min(kTogether, examples.size()));
    collect_together(together, part);
    examples = examples.subspan(together.size());
  }
  return part;
}

void Collector::collect_together(std::span<const Example> examples, Preferences& to) {
  pair_.reset();
  std::vector<Work> work = prepare(examples, to.info.counts);
  if (work.empty()) return;
  for (std::size_t i = 0; i < work.size(); ++i) {
    RolloutText& text = work[i].text;
    text.sequence = pair_.slm.sequences() - collect_spare_sequences() + static_cast<int>(i);
    work[i].positions = teacher_forced(pair_, text.sequence, text.prompt, text.text);
  }
  label(work, to);
}

/// Prompts, texts and the SLM's own answers; examples that cannot be used are counted and left out.
std::vector<Work> Collector::prepare(std::span<const Example> examples, PreferenceCounts& counts) {
  const Vocab& vocab = pair_.slm_model->vocab();
  std::vector<Work> work;
  for (const Example& example : examples) {
    Work w;
    w.text.example = &example;
    w.text.prompt = vocab.tokenize(example.prompt, true, false);
    const int room = pair_.decoder.context_size() - static_cast<int>(w.text.prompt.size());
    if (options_.states == StateSource::kReference) {
      if (example.reference.empty()) {
        ++counts.no_reference;
        continue;
      }
      w.text.text = vocab.tokenize(example.reference, false, false);
      if (vocab.end_of_answer() >= 0) w.text.text.push_back(vocab.end_of_answer());
    }
    if (room < std::max(1, static_cast<int>(w.text.text.size()))) {
      ++counts.too_long;
      continue;
    }
    work.push_back(std::move(w));
  }
  choose_texts(work, counts);
  counts.examples += static_cast<std::int64_t>(work.size());
  return work;
}

/// Lets the models write: the SLM alone, for the query-level label, and whoever the text is by.
void Collector::choose_texts(std::vector<Work>& work, PreferenceCounts& counts) {
  std::vector<std::vector<Token>> prompts;
  for (const Work& w : work) prompts.push_back(w.text.prompt);
  const auto right = [&](const Work& w, const Sequence& answer) {
    return judge_.judge(*w.text.example, answer.text.text()).correct;
  };
  const auto alone = write_answers(pair_, prompts, slm_alone_, 0.0, options_.max_tokens);
  for (std::size_t i = 0; i < work.size(); ++i) work[i].slm_right = right(work[i], alone[i]);
  if (options_.states == StateSource::kReference) return;

  const bool by_llm = options_.states == StateSource::kLlm;
  const auto answers = write_answers(pair_, prompts, by_llm ? make_policy("llm") : rollouts_.policy,
                                     by_llm ? 1.0 : rollouts_.threshold, options_.max_tokens);
  std::vector<Work> kept;
  for (std::size_t i = 0; i < work.size(); ++i) {
    if (by_llm && !right(work[i], answers[i])) {
      ++counts.wrong_llm;
      continue;
    }
    const auto& tokens = answers[i].tokens;
    work[i].text.text.assign(tokens.begin() + static_cast<std::ptrdiff_t>(prompts[i].size()),
                             tokens.end());
    kept.push_back(std::move(work[i]));
  }
  work = std::move(kept);
}

/// Labels every position, by shortcut or by rollouts, and adds the rows.
void Collector::label(const std::vector<Work>& work, Preferences& to) {
  const bool both = options_.labels != LabelRule::kPaper;
  std::vector<RolloutJob> jobs;
  for (const Work& w : work) {
    for (std::size_t h = 0; h < w.positions.size(); ++h) {
      const TeacherPosition& p = w.positions[h];
      const PositionKind kind = position_kind(p.slm_token, p.llm_token, w.text.text[h]);
      if (!needs_rollout(options_.labels, kind, p.slm_token, p.llm_token)) continue;
      jobs.push_back({&w.text, h, p.slm_token, false});
      if (both) jobs.push_back({&w.text, h, p.llm_token, true});
    }
  }
  const auto branches = run_rollouts(pair_, judge_, jobs, rollouts_);

  PreferenceCounts& counts = to.info.counts;
  counts.rollouts += static_cast<std::int64_t>(jobs.size()) * options_.rollouts;
  std::size_t next = 0;
  for (const Work& w : work) {
    to.examples.push_back({w.text.example->id, w.slm_right});
    for (std::size_t h = 0; h < w.positions.size(); ++h) {
      const TeacherPosition& p = w.positions[h];
      const Token reference = w.text.text[h];
      const PositionKind kind = position_kind(p.slm_token, p.llm_token, reference);
      double label = kind == PositionKind::kLlmOk ? 0.0 : 1.0;
      if (needs_rollout(options_.labels, kind, p.slm_token, p.llm_token)) {
        const auto& slm = branches[next++];
        label = both ? preference(slm, branches[next++], options_.cost_weight)
                     : (slm.front().right ? 1.0 : 0.0);
        ++counts.by_rollout;
      }
      ++(kind == PositionKind::kSlmOk   ? counts.slm_ok
         : kind == PositionKind::kLlmOk ? counts.llm_ok
                                        : counts.both_off);
      ++(label > 0.5 ? counts.prefer_slm : counts.prefer_llm);
      to.hidden.insert(to.hidden.end(), p.hidden.begin(), p.hidden.end());
      to.confidence.insert(to.confidence.end(), p.confidence.begin(), p.confidence.end());
      to.label.push_back(static_cast<float>(label));
      to.slm_logprob.push_back(p.slm_logprob);
      to.llm_logprob.push_back(p.llm_logprob);
      to.example.push_back(static_cast<std::int32_t>(to.examples.size()) - 1);
      to.position.push_back(static_cast<std::int32_t>(h));
      to.slm_token.push_back(p.slm_token);
      to.llm_token.push_back(p.llm_token);
      to.ref_token.push_back(reference);
      to.kind.push_back(static_cast<std::int32_t>(kind));
    }
  }
}

}  // namespace

int collect_spare_sequences() { return static_cast<int>(kTogether); }

std::optional<Preferences> collect(ModelPair& pair, const CollectOptions& options) {
  return Collector(pair, options).run();
}

}  // namespace citer
