// What /metrics says, as figures and as curves since the dashboard was opened first.

import { metrics, servedModel } from "./api.js";
import { curve } from "./curve.js";
import { byId, duration, el, percent } from "./dom.js";

const interval = 2000;
const longest = 150; // samples kept: five minutes
const fewest = 8; // that a curve's width stands for
const history = [];
let timer = null;

/** Samples of Prometheus' text format: {name, labels, value}. */
export function parseMetrics(text) {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels, value]) => ({
    name, value: Number(value),
    labels: Object.fromEntries([...(labels ?? "").matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text])),
  }));
}

/** A look-up in samples of the model that is shown: `of(name, labels)`, summed; null where there is none. */
function reader(samples) {
  const model = servedModel();
  return (name, wanted = {}) => {
    const found = samples.filter((sample) => sample.name === name &&
      (!model || !sample.labels.served_model || sample.labels.served_model === model) &&
      Object.entries(wanted).every(([key, value]) => sample.labels[key] === value));
    return found.length > 0 ? found.reduce((sum, { value }) => sum + value, 0) : null;
  };
}

const ratio = (a, b) => (b > 0 ? a / b : null);

/** What is shown of one look at the metrics. */
function figuresOf(of) {
  const slm = of("citer_tokens_total", { writer: "slm" }) ?? 0;
  const llm = of("citer_tokens_total", { writer: "llm" }) ?? 0;
  const accepted = of("citer_llm_decisions_total", { outcome: "accepted" }) ?? 0;
  const rejected = of("citer_llm_decisions_total", { outcome: "rejected" }) ?? 0;
  const agree = of("citer_audited_tokens_total", { llm_agrees: "yes" }) ?? 0;
  const differ = of("citer_audited_tokens_total", { llm_agrees: "no" }) ?? 0;
  return {
    tokens: slm + llm, llm,
    slmPasses: of("citer_passes_total", { model: "slm" }) ?? 0,
    llmPasses: of("citer_passes_total", { model: "llm" }) ?? 0,
    accepted, decided: accepted + rejected, agree, audited: agree + differ,
    active: of("citer_active_sequences") ?? 0, queued: of("citer_queued_requests") ?? 0,
    firstToken: ratio(of("citer_time_to_first_token_seconds_sum"), of("citer_time_to_first_token_seconds_count")),
    promise: of("citer_promise_accuracy") === null ? null : {
      accuracy: of("citer_promise_accuracy"), confidence: of("citer_promise_confidence"),
      threshold: of("citer_promise_threshold"), holds: of("citer_promise_holds") === 1,
      watched: of("citer_promise_watched_answers_total"), evidence: of("citer_promise_evidence_against"),
    },
  };
}

/** A curve over the looks so far. */
function curveOf(values, top, colour) {
  return curve(values.map((value, i) => [i, value]), colour, { right: Math.max(values.length, fewest) - 1, top });
}

/** What `part` grew by for each that `whole` did, between each two looks. */
function rates(part, whole) {
  return history.map((now, i) => (i === 0 ? null : ratio(now[part] - history[i - 1][part], now[whole] - history[i - 1][whole])));
}

function perSecond(name) {
  return history.map((now, i) => (i === 0 ? null : (now[name] - history[i - 1][name]) / Math.max(1e-3, now.at - history[i - 1].at)));
}

function card(title, value, note, chart = null) {
  return el("article", { class: "card" }, el("h3", {}, title), el("p", { class: "figure" }, value), el("p", { class: "note" }, note), chart);
}

const shareText = (share) => (share === null ? "\u2013" : percent(share));

function promiseCard({ accuracy, confidence, threshold, holds, watched, evidence }) {
  return card("Promise", holds ? "holds" : "no longer holds",
    `${percent(accuracy)} of the LLM's right answers at ${percent(confidence)} confidence, ` +
    `${threshold === 1 ? "by the LLM alone" : `threshold ${threshold}`}; ${watched} answers watched, evidence against it ${evidence.toFixed(2)}`);
}

function cards(now) {
  const speed = perSecond("tokens");
  return [
    card("LLM share", shareText(ratio(now.llm, now.tokens)), `${now.llm} of ${now.tokens} tokens`, curveOf(rates("llm", "tokens"), 1, "llm")),
    card("Tokens per second", (speed.at(-1) ?? 0).toFixed(1), `${now.active} answers being written, ${now.queued} waiting`, curveOf(speed, null, "slm")),
    card("LLM passes", String(now.llmPasses), `${shareText(ratio(now.llmPasses, now.tokens))} of the tokens' number; SLM ${now.slmPasses}`, curveOf(perSecond("llmPasses"), null, "llm")),
    card("Acceptance", shareText(ratio(now.accepted, now.decided)), `${now.accepted} of ${now.decided} guesses were the LLM's decision`, curveOf(rates("accepted", "decided"), 1, "slm")),
    card("Audit", shareText(ratio(now.agree, now.audited)), now.audited > 0 ? `the LLM agrees with ${now.agree} of ${now.audited} tokens` : "off, or nothing to compare yet (--audit)", curveOf(rates("agree", "audited"), 1, "slm")),
    card("First token", now.firstToken === null ? "\u2013" : duration(now.firstToken), "mean since the start"),
    now.promise ? promiseCard(now.promise) : card("Promise", "\u2013", "none is made (--accuracy)"),
  ];
}

async function look() {
  if (document.hidden) return;
  try {
    history.push({ ...figuresOf(reader(parseMetrics(await metrics()))), at: performance.now() / 1000 });
    if (history.length > longest) history.shift();
    byId("cards").replaceChildren(...cards(history.at(-1)));
    byId("dashboard-problem").hidden = true;
  } catch (error) {
    byId("dashboard-problem").textContent = error.message;
    byId("dashboard-problem").hidden = false;
  }
}

/** Looks now and then from the first time on that it is shown, so that its curves have no gaps. */
export function openDashboard() {
  if (!timer) timer = setInterval(look, interval);
  look();
}

/** Another model is shown: its curves begin anew. */
export function forgetCurves() {
  history.length = 0;
  if (timer) look();
}
