#include "learn/part_collector.h"

#include <algorithm>

#include "base/text.h"
#include "learn/branch.h"
#include "model/chat_format.h"
#include "route/learned_policy.h"

namespace citer {

namespace {

/// Examples that share the caches at a time. More would fill larger batches, but every cell in use
/// is one more for all to attend over.
constexpr std::size_t kTogether = 4;

void count(PreferenceCounts& counts, PositionKind kind, double label) {
  ++(kind == PositionKind::kSlmOk   ? counts.slm_ok
     : kind == PositionKind::kLlmOk ? counts.llm_ok
                                    : counts.both_off);
  ++(label > 0.5 ? counts.prefer_slm : counts.prefer_llm);
}

/// Adds position `h` of the last example.
void add_row(Preferences& to, const TeacherPosition& p, std::size_t h, Token reference,
             PositionKind kind, double label) {
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

/// The example's reference as what follows its prompt: a chat template leads to where an answer
/// begins, without a space.
std::string_view reference_after(const Prompt& prompt, const Example& example) {
  return prompt.raw ? std::string_view(example.reference) : trim(example.reference);
}

}  // namespace

int collect_spare_sequences() { return static_cast<int>(kTogether); }

/// An example at work: the text whose positions are labelled, and what the models make of it.
struct PartCollector::Work {
  RolloutText text;
  std::vector<TeacherPosition> positions;
};

PartCollector::PartCollector(Service& service, const CollectJob& options, const Watcher& watcher)
    : service_(service),
      options_(options),
      watcher_(watcher),
      rollouts_{.policy = make_policy("slm"),
                .threshold = 0.0,
                .count = options.rollouts,
                .temperature = options.temperature,
                .seed = options.seed,
                .max_tokens = options.max_tokens,
                .stop = options.stop} {
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
  return p;
}

Preferences PartCollector::collect(std::span<const Example> examples) {
  Preferences part = empty();
  while (!examples.empty() && !watcher_.wants_stop()) {
    const auto together = examples.first(std::min(kTogether, examples.size()));
    collect_together(together, part);
    examples = examples.subspan(together.size());
  }
  return part;
}

void PartCollector::collect_together(std::span<const Example> examples, Preferences& to) {
  service_.reset();
  std::vector<Work> work = prepare(examples, to.info.counts);
  if (work.empty()) return;
  for (std::size_t i = 0; i < work.size(); ++i) {
    RolloutText& text = work[i].text;
    text.sequence = service_.status().sequences + static_cast<int>(i);
    service_.with_models([&](Models& models) {
      work[i].positions = teacher_forced(models, text.sequence, text.prompt, text.text);
    });
    for (const TeacherPosition& p : work[i].positions) text.slm.push_back(p.slm_token);
  }
  label(work, to);
}

/// Prompts and texts; examples that cannot be used are counted and left out.
std::vector<PartCollector::Work> PartCollector::prepare(std::span<const Example> examples,
                                                        PreferenceCounts& counts) {
  const Vocab& vocab = service_.pair().vocab();
  std::vector<Work> work;
  for (const Example& example : examples) {
    Work w;
    w.text.example = &example;
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

/// Lets the LLM or the policy write the texts, unless they are the dataset's.
void PartCollector::choose_texts(std::vector<Work>& work, PreferenceCounts& counts) {
  if (options_.states == StateSource::kReference) return;
  std::vector<Prompt> prompts;
  prompts.reserve(work.size());
  for (const Work& w : work) {
    prompts.push_back({.tokens = w.text.prompt, .thinking = w.text.thinking});
  }
  const bool by_llm = options_.states == StateSource::kLlm;
  const auto answers = write_answers(service_, prompts,
                                     {.own_policy = by_llm ? make_policy("llm") : rollouts_.policy,
                                      .threshold = by_llm ? 1.0 : rollouts_.threshold,
                                      .max_tokens = options_.max_tokens,
                                      .stop = options_.stop});
  std::vector<Work> kept;
  for (std::size_t i = 0; i < work.size(); ++i) {
    const Example& example = *work[i].text.example;
    if (by_llm && !judge_.judge(example, answers[i].text).correct) {
      ++counts.wrong_llm;
      continue;
    }
    for (const TokenRecord& token : answers[i].tokens) work[i].text.text.push_back(token.id);
    kept.push_back(std::move(work[i]));
  }
  work = std::move(kept);
}

/// Per text the SLM's own answer (for the query-level label), then rollouts of all positions that
/// need them: the SLM's branch and (but under the paper's rule) the LLM's.
std::vector<std::vector<Branch>> PartCollector::roll_out(const std::vector<Work>& work,
                                                         PreferenceCounts& counts) {
  std::vector<RolloutJob> jobs;
  for (const Work& w : work) {
    jobs.push_back({.text = &w.text, .token = w.text.slm.front(), .alone = true});
    for (std::size_t h = 0; h < w.positions.size(); ++h) {
      const TeacherPosition& p = w.positions[h];
      const PositionKind kind = position_kind(p.slm_token, p.llm_token, w.text.text[h]);
      if (!needs_rollout(options_.labels, kind, p.slm_token, p.llm_token)) continue;
      ++counts.by_rollout;
      jobs.push_back({&w.text, h, p.slm_token});
      if (options_.labels != LabelRule::kPaper) jobs.push_back({&w.text, h, p.llm_token, true});
    }
  }
  counts.rollouts += static_cast<std::int64_t>(jobs.size() - work.size()) * options_.rollouts;
  return run_rollouts(service_, judge_, jobs, rollouts_);
}

/// Labels every position, by shortcut or by rollouts, and adds the rows.
void PartCollector::label(const std::vector<Work>& work, Preferences& to) {
  PreferenceCounts& counts = to.info.counts;
  const auto branches = roll_out(work, counts);
  std::size_t next = 0;
  for (const Work& w : work) {
    to.examples.push_back({w.text.example->id, branches[next++].front().right});
    for (std::size_t h = 0; h < w.positions.size(); ++h) {
      const TeacherPosition& p = w.positions[h];
      const Token reference = w.text.text[h];
      const PositionKind kind = position_kind(p.slm_token, p.llm_token, reference);
      double label = kind == PositionKind::kLlmOk ? 0.0 : 1.0;
      if (needs_rollout(options_.labels, kind, p.slm_token, p.llm_token)) {
        const auto& slm = branches[next++];
        label = options_.labels == LabelRule::kPaper
                    ? share_of_right(slm)
                    : preference(slm, branches[next++], options_.cost_weight);
      }
      count(counts, kind, label);
      add_row(to, p, h, reference, kind, label);
    }
  }
}

}  // namespace citer
