#include "learn/part_collector.h"

#include <algorithm>
#include <cmath>

#include "base/rng.h"
#include "base/text.h"
#include "base/thinking.h"
#include "learn/branch.h"
#include "learn/choose.h"
#include "model/chat_format.h"
#include "route/learned_policy.h"

namespace citer {

namespace {

/// Examples that share the caches at a time. More would fill larger batches, but every cell in use
/// is one more for all to attend over.
constexpr std::size_t kTogether = 4;

/// The example's reference as what follows its prompt: a chat template leads to where an answer
/// begins, without a space.
std::string_view reference_after(const Prompt& prompt, const Example& example) {
  return prompt.raw ? std::string_view(example.reference) : trim(example.reference);
}

Prompt prompt_of(const RolloutText& text) {
  return {.tokens = text.prompt, .thinking = text.thinking};
}

}  // namespace

int collect_spare_sequences() { return static_cast<int>(kTogether); }

/// An example at work: the text whose positions are labelled, and what the models make of it.
struct PartCollector::Work {
  RolloutText text;
  std::vector<TeacherPosition> positions;
  std::optional<bool> slm_right;  ///< where it was asked for
};

/// A position's label.
struct PartCollector::Label {
  PositionKind kind = PositionKind::kSlmOk;
  LabelSource source = LabelSource::kAgreement;
  double prefers_slm = 1.0;
  double weight = 1.0;
};

PartCollector::PartCollector(Service& service, const CollectJob& options, const Watcher& watcher)
    : service_(service),
      options_(options),
      watcher_(watcher),
      judge_(service, options),
      rollouts_{.policy = make_policy("slm"),
                .threshold = 0.0,
                .count = options.rollouts,
                .temperature = options.temperature,
                .seed = options.seed,
                .max_tokens = options.max_tokens,
                .stop = options.stop} {
  if (options.before != nullptr && options.states == StateSource::kLlm) {
    const Preferences& p = *options.before;
    for (std::size_t i = 0; i < p.size(); ++i) {
      known_texts_[p.examples[static_cast<std::size_t>(p.example[i])].id].push_back(p.ref_token[i]);
    }
  }
  if (options.router.empty()) return;
  rollouts_.policy = load_learned_policy(options.router, *service.pair().slm());
  rollouts_.threshold = options.threshold.value_or(rollouts_.policy->default_threshold());
}

Preferences PartCollector::empty() const {
  Preferences p;
  p.info.n_embd = service_.pair().slm()->n_embd();
  p.info.slm = identity_of(*service_.pair().slm());
  p.info.llm = identity_of(*service_.pair().llm());
  p.info.chat_format = service_.pair().chat_format().name();
  p.info.round = options_.round;
  p.info.labels = options_.labels;
  p.info.states = options_.states;
  p.info.judge = options_.judge;
  p.info.continued_by = options_.who_continues();
  return p;
}

Preferences PartCollector::collect(std::span<const Example> examples,
                                   const std::function<void(std::size_t)>& on_done) {
  Preferences part = empty();
  service_.reset();
  std::vector<Work> all = prepare(examples, part.info.counts);
  on_done(examples.size() - all.size());
  if (options_.slm_answers) judge_slm_answers(all);
  std::span<Work> work = all;
  while (!work.empty() && !watcher_.wants_stop()) {
    const auto together = work.first(std::min(kTogether, work.size()));
    label_together(together, part);
    on_done(together.size());
    work = work.subspan(together.size());
  }
  return part;
}

void PartCollector::label_together(std::span<Work> work, Preferences& to) {
  service_.reset();
  std::vector<std::vector<Label>> labels;
  for (std::size_t i = 0; i < work.size(); ++i) {
    teach(work[i], service_.status().sequences + static_cast<int>(i));
    labels.push_back(labels_of(work[i]));
  }
  roll_out(work, labels, to.info.counts);
  for (std::size_t i = 0; i < work.size(); ++i) {
    const RolloutText& text = work[i].text;
    to.examples.push_back({text.example.id, work[i].slm_right});
    for (std::size_t h = 0; h < labels[i].size(); ++h) {
      const Label& label = labels[i][h];
      to.add_row(work[i].positions[h], h, text.text[h], label.kind, label.source, label.prefers_slm,
                 label.weight);
    }
  }
}

/// Prompts and texts; examples that cannot be used are counted and left out.
std::vector<PartCollector::Work> PartCollector::prepare(std::span<const Example> examples,
                                                        PreferenceCounts& counts) {
  const Vocab& vocab = service_.pair().vocab();
  std::vector<Work> work;
  for (const Example& example : examples) {
    Work w;
    w.text.example = example;
    Prompt prompt = service_.pair().read({.text = example.prompt});
    w.text.prompt = std::move(prompt.tokens);
    w.text.thinking = prompt.thinking;
    const int room = service_.context_size() - static_cast<int>(w.text.prompt.size());
    if (options_.states == StateSource::kReference) {
      if (example.reference.empty()) {
        ++counts.no_reference;
        continue;
      }
      w.text.text = vocab.tokenize(reference_after(prompt, example), false, false);
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

/// Lets the LLM or the policy write the texts that are not known.
void PartCollector::write_texts(std::vector<Work>& work) const {
  std::vector<Prompt> prompts;
  std::vector<RolloutText*> unknown;
  for (Work& w : work) {
    const auto known = known_texts_.find(w.text.example.id);
    if (known != known_texts_.end()) {
      w.text.text = known->second;
      continue;
    }
    prompts.push_back(prompt_of(w.text));
    unknown.push_back(&w.text);
  }
  const bool by_llm = options_.states == StateSource::kLlm;
  const auto answers = write_answers(service_, prompts,
                                     {.own_policy = by_llm ? make_policy("llm") : rollouts_.policy,
                                      .threshold = by_llm ? 1.0 : rollouts_.threshold,
                                      .max_tokens = options_.max_tokens,
                                      .stop = options_.stop});
  for (std::size_t i = 0; i < unknown.size(); ++i) {
    for (const TokenRecord& token : answers[i].tokens) unknown[i]->text.push_back(token.id);
    unknown[i]->is_whole = answers[i].finish != FinishReason::kLength;
  }
}

/// Texts, unless they are the dataset's; what cannot be used is counted and left out.
void PartCollector::choose_texts(std::vector<Work>& work, PreferenceCounts& counts) {
  if (options_.states == StateSource::kReference) return;
  write_texts(work);
  std::vector<Work> kept;
  for (Work& w : work) {
    if (!w.text.is_whole) {
      ++counts.cut_text;
      continue;
    }
    if (options_.states == StateSource::kLlm && options_.labels != LabelRule::kTeacher) {
      auto example = judged(w.text, counts);
      if (!example) continue;
      w.text.example = std::move(*example);
    }
    kept.push_back(std::move(w));
  }
  work = std::move(kept);
}

/// What continuations of a text of the LLM's are judged by: the dataset's answer, where it comes to
/// that, or its own.
std::optional<Example> PartCollector::judged(const RolloutText& text,
                                             PreferenceCounts& counts) const {
  const std::string own =
      split_thinking(service_.pair().vocab().text(text.text), text.thinking).content;
  if (options_.judge == OutcomeRule::kAgreement) {
    auto by_own = judge_.judged_by(text.example, own);
    if (!by_own) ++counts.no_answer;
    return by_own;
  }
  if (options_.judge == OutcomeRule::kAnswer && !judge_.is_right(text.example, own)) {
    ++counts.wrong_llm;
    return std::nullopt;
  }
  return text.example;
}

void PartCollector::teach(Work& work, int sequence) {
  RolloutText& text = work.text;
  text.sequence = sequence;
  service_.with_models([&](Models& models) {
    work.positions = teacher_forced(models, sequence, text.prompt, text.text, *rollouts_.policy);
  });
  for (const TeacherPosition& p : work.positions) {
    text.slm.push_back(p.slm_token);
    text.llm.push_back(p.llm_token);
  }
}

/// Labels by what is known without rollouts, and which positions are to be rolled out.
std::vector<PartCollector::Label> PartCollector::labels_of(const Work& work) const {
  std::vector<Label> labels;
  for (std::size_t h = 0; h < work.positions.size(); ++h) {
    const TeacherPosition& p = work.positions[h];
    Label label;
    label.kind = position_kind(p.slm_token, p.llm_token, work.text.text[h]);
    if (needs_rollout(options_.labels, label.kind, p.slm_token, p.llm_token)) {
      label.source = LabelSource::kRollout;
    } else if (p.slm_token == p.llm_token) {
      label.source = LabelSource::kAgreement;
    } else if (options_.labels == LabelRule::kTeacher) {
      label.source = LabelSource::kTeacher;
      label.prefers_slm = std::exp(-double{p.llm_gap});
    } else {
      label.source = LabelSource::kShortcut;
      label.prefers_slm = label.kind == PositionKind::kLlmOk ? 0.0 : 1.0;
    }
    labels.push_back(label);
  }
  if (options_.positions > 0) choose_rollouts(work, labels);
  return labels;
}

/// How much the label of a position is expected to teach. At first where the LLM would hardly write
/// the SLM's token; then where the router is in doubt. Never nothing: labels must stay possible
/// everywhere.
double PartCollector::value_of(const TeacherPosition& position) const {
  constexpr double kLeast = 0.1;
  if (options_.router.empty()) return kLeast + 1.0 - std::exp(-position.llm_gap);
  return kLeast + 2.0 * std::sqrt(position.score * (1.0 - position.score));
}

void PartCollector::choose_rollouts(const Work& work, std::vector<Label>& labels) const {
  std::vector<std::size_t> places;
  std::vector<double> values;
  for (std::size_t h = 0; h < labels.size(); ++h) {
    if (labels[h].source != LabelSource::kRollout) continue;
    places.push_back(h);
    values.push_back(value_of(work.positions[h]));
  }
  const auto probabilities = inclusion_probabilities(values, options_.positions);
  const auto round = static_cast<std::uint64_t>(options_.round);
  const auto chosen =
      choose(probabilities, to_unit(random_at(options_.seed, hash64(work.text.example.id), round)));
  for (std::size_t i = 0; i < places.size(); ++i) {
    Label& label = labels[places[i]];
    if (!chosen[i]) label.source = LabelSource::kNotChosen;
    label.weight = chosen[i] ? 1.0 / probabilities[i] : 0.0;
  }
}

void PartCollector::judge_slm_answers(std::vector<Work>& work) {
  std::vector<Prompt> prompts;
  prompts.reserve(work.size());
  for (const Work& w : work) prompts.push_back(prompt_of(w.text));
  const auto answers = write_answers(service_, prompts,
                                     {.own_policy = make_policy("slm"),
                                      .threshold = 0.0,
                                      .max_tokens = options_.max_tokens,
                                      .stop = options_.stop});
  for (std::size_t i = 0; i < work.size(); ++i) {
    work[i].slm_right = judge_.is_right(work[i].text.example, answers[i].text);
  }
}

/// Writes and judges continuations of the positions that are to be rolled out: of the SLM's token
/// and (but under the paper's rule) of the LLM's.
void PartCollector::roll_out(std::span<const Work> work, std::vector<std::vector<Label>>& labels,
                             PreferenceCounts& counts) {
  const Continuer by =
      options_.who_continues() == ContinueBy::kLlm ? Continuer::kLlm : Continuer::kPolicy;
  std::vector<RolloutJob> jobs;
  std::vector<BranchPair> pairs;
  std::vector<Label*> rolled;
  for (std::size_t i = 0; i < work.size(); ++i) {
    const RolloutText& text = work[i].text;
    for (std::size_t h = 0; h < labels[i].size(); ++h) {
      if (labels[i][h].source != LabelSource::kRollout) continue;
      jobs.push_back({&text, h, text.slm[h], false, by});
      if (options_.labels != LabelRule::kPaper) jobs.push_back({&text, h, text.llm[h], true, by});
      pairs.push_back({.example = &text.example});
      rolled.push_back(&labels[i][h]);
    }
  }
  RolloutCosts costs;
  auto continuations = run_rollouts(service_, jobs, rollouts_, costs);
  counts.rollouts += costs.continuations;
  counts.rollout_tokens += costs.tokens;
  std::size_t next = 0;
  for (BranchPair& pair : pairs) {
    pair.slm = std::move(continuations[next++]);
    if (options_.labels != LabelRule::kPaper) pair.llm = std::move(continuations[next++]);
  }
  const auto judged = judge_.judge(pairs);
  for (std::size_t i = 0; i < rolled.size(); ++i) {
    Label& label = *rolled[i];
    if (!judged[i]) {
      label.source = LabelSource::kCut;
      label.weight = 0.0;
    } else {
      label.prefers_slm = options_.labels == LabelRule::kPaper
                              ? mean_value(judged[i]->slm)
                              : preference(judged[i]->slm, judged[i]->llm, options_.cost_weight);
    }
  }
}

}  // namespace citer
