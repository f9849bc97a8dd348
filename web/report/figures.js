// The report's data and what is computed from it.

const report = JSON.parse(byId("data").textContent);

/** Least part of the LLM's accuracy at which a setting is recommended. */
const kEnough = 0.99;
const kBins = 20;

// Colours are --p0, --p1, ... of the style sheet. A policy keeps its look whatever others were run.
const kLooks = {
  "citer": { slot: 0, shape: "circle", filled: true, dash: [] },
  "maxprob": { slot: 1, shape: "square", filled: true, dash: [] },
  "margin": { slot: 2, shape: "triangle", filled: false, dash: [7, 3] },
  "entropy": { slot: 3, shape: "diamond", filled: false, dash: [2, 3] },
  "random": { slot: 4, shape: "cross", filled: false, dash: [1, 4] },
  "oracle": { slot: 5, shape: "star", filled: false, dash: [] },
  "citer-s": { slot: 6, shape: "circle", filled: false, dash: [7, 3] },
  "co-llm": { slot: 7, shape: "triangle", filled: true, dash: [3, 2] },
  "query": { slot: 8, shape: "diamond", filled: true, dash: [9, 3, 2, 3] },
  "speculative": { slot: 9, shape: "square", filled: false, dash: [5, 2] },
  "slm": { slot: "small", shape: "down", filled: false, dash: [] },
  "llm": { slot: "large", shape: "down", filled: true, dash: [] },
};
const kSpareLooks = [
  { slot: 10, shape: "plus", filled: false, dash: [4, 2, 1, 2] },
  { slot: 11, shape: "circle", filled: false, dash: [2, 2] },
  { slot: 12, shape: "triangle", filled: false, dash: [10, 4] },
  { slot: 13, shape: "diamond", filled: true, dash: [5, 5] },
];

function nameHash(name) {
  let hash = 7;
  for (const character of name) hash = (hash * 31 + character.codePointAt(0)) % 65521;
  return hash;
}

/** The looks of all policies; those without one of their own get a spare one by their name. */
function assignLooks(policies) {
  const looks = new Map();
  const free = [...kSpareLooks];
  for (const policy of policies) if (kLooks[policy]) looks.set(policy, kLooks[policy]);
  for (const policy of [...policies].sort()) {
    if (looks.has(policy)) continue;
    const at = nameHash(policy) % (free.length || kSpareLooks.length);
    looks.set(policy, free.length ? free.splice(at, 1)[0] : kSpareLooks[at]);
  }
  return looks;
}

const unique = (values) => [...new Set(values)];
const datasets = unique(report.runs.map((run) => run.data));
const policies = unique(report.runs.map((run) => run.policy));
const looks = assignLooks(policies);

const isAlone = (policy) => policy === "slm" || policy === "llm";
/** Whether a policy could be used: the oracle runs the LLM at every token. */
const isUsable = (policy) => !isAlone(policy) && policy !== "oracle";

function policyLabel(policy) {
  if (policy === "slm") return "SLM alone";
  if (policy === "llm") return "LLM alone";
  return policy;
}

function runsOf(data) {
  return report.runs.filter((run) => run.data === data);
}

function runOf(data, policy) {
  return runsOf(data).find((run) => run.policy === policy);
}

const kCosts = {
  share: { label: "LLM share", axis: "LLM share, % of tokens",
    note: "Cost is the part of the tokens that the LLM wrote." },
  bytes: { label: "Bytes moved", axis: "Bytes moved, % of the LLM alone", field: "bytes_moved",
    note: "Cost is the memory traffic: weights once a pass, and cached keys and values." },
  time: { label: "Time", axis: "Measured time, % of the LLM alone", field: "wall_seconds",
    note: "Cost is the measured time of the batched run on the machine of this evaluation." },
};

/** `field` of a run for one example, as a part of the LLM's; null without the LLM. */
function relative(run, field) {
  const llm = runOf(run.data, "llm");
  return llm && llm[field] > 0 ? run[field] / run.n / (llm[field] / llm.n) : null;
}

function costOf(run, cost) {
  return cost === "share" ? run.llm_share : relative(run, kCosts[cost].field);
}

/** For each usable policy the run of least LLM share with enough accuracy. */
function recommendedRuns(data) {
  const llm = runOf(data, "llm");
  const best = new Map();
  if (!llm) return best;
  for (const run of runsOf(data)) {
    if (!isUsable(run.policy) || run.accuracy < kEnough * llm.accuracy) continue;
    const other = best.get(run.policy);
    if (!other || run.llm_share < other.llm_share) best.set(run.policy, run);
  }
  return best;
}

/** The recommended run of least LLM share over all policies, if any. */
function bestRun(data) {
  return [...recommendedRuns(data).values()].sort((a, b) => a.llm_share - b.llm_share)[0];
}

/** Runs that no other usable run beats in both accuracy and cost. */
function frontierRuns(data, cost) {
  const runs = runsOf(data).filter((run) => run.policy !== "oracle" && costOf(run, cost) !== null);
  const beats = (a, b) => {
    const cheaper = costOf(b, cost) - costOf(a, cost);
    const better = a.accuracy - b.accuracy;
    return cheaper >= 0 && better >= 0 && cheaper + better > 0;
  };
  return new Set(runs.filter((run) => !runs.some((other) => beats(other, run))));
}

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Bins with audited tokens: index, tokens, mean score and how often the LLM agreed. */
function auditedBins(scores) {
  return scores.audited.flatMap((audited, bin) => audited === 0 ? [] : [{
    bin, audited, score: scores.score_sum[bin] / audited, agreement: scores.agreed[bin] / audited,
  }]);
}

function calibrationError(scores) {
  const total = sum(scores.audited);
  const errors = auditedBins(scores).map((b) => b.audited * Math.abs(b.score - b.agreement));
  return total ? sum(errors) / total : null;
}

/** Chance that an agreed token is in a higher bin than one that is not; ties count half. */
function separation(scores) {
  let below = 0;
  let won = 0;
  for (let bin = 0; bin < kBins; ++bin) {
    const differed = scores.audited[bin] - scores.agreed[bin];
    won += scores.agreed[bin] * (below + differed / 2);
    below += differed;
  }
  const pairs = sum(scores.agreed) * below;
  return pairs ? won / pairs : null;
}

// Numbers as text. A missing one is a dash.

const kDash = "\u2013";
const fixed = (value, digits) => value == null ? kDash : value.toFixed(digits);
const percent = (value) => value == null ? kDash : (100 * value).toFixed(1);
const withSign = (value) => value == null ? kDash : `${percent(value)}\u00a0%`;
const integer = (value) => value.toLocaleString("en");
const intervalText = (run) => `${percent(run.accuracy_low)}${kDash}${percent(run.accuracy_high)}`;

/** A figure with its interval, in per cent; a dash where there is none. */
const withInterval = (object, field) => object[field] == null ? kDash :
  `${percent(object[field])} [${percent(object[`${field}_low`])}, ${percent(object[`${field}_high`])}]`;

/** Enough digits to tell thresholds near 1 apart. */
function thresholdText(value) {
  const distance = Math.min(value, 1 - value);
  const digits = distance > 0 ? Math.ceil(-Math.log10(distance)) + 1 : 0;
  return value.toFixed(Math.min(7, Math.max(3, digits)));
}

const rateText = (rate) => rate >= 100 ? integer(Math.round(rate)) : rate.toPrecision(3);

function pValueText(value) {
  if (value == null) return kDash;
  return value < 0.001 ? "< 0.001" : value.toFixed(3);
}

function withPrefix(value, units) {
  const power = value > 0 ? Math.min(units.length - 1, Math.floor(Math.log10(value) / 3)) : 0;
  const scaled = value / 1000 ** Math.max(0, power);
  return `${Number(scaled.toPrecision(3))}\u00a0${units[Math.max(0, power)]}`.trim();
}

const parametersText = (count) => withPrefix(count, ["", "k", "M", "B", "T"]);
const bytesText = (count) => withPrefix(count, ["B", "kB", "MB", "GB", "TB"]);

function settingText(run) {
  return isAlone(run.policy) || run.policy === "oracle" ? policyLabel(run.policy)
    : `${run.policy} at ${thresholdText(run.threshold)}`;
}
