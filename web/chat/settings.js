// The panel: how answers are routed and written.

import { apiKey, setApiKey } from "./api.js";
import { byId, choose, chosen, el, percent, scoreText } from "./dom.js";

/** Policies whose threshold means something; the models alone are the slider's ends. */
const isRouting = (policy) => !["slm", "llm", "speculative"].includes(policy) && !policy.includes(":");

let props = null;
/** Where the slider stands in each of its two meanings. */
const levels = { budget: 0.1, threshold: 0.5, accuracy: 0 };

/** What the slider sets: budget, threshold or accuracy. */
function control() {
  return byId("control-choice").hidden ? "threshold" : chosen("control");
}

function usesBudget() {
  return control() === "budget";
}

function isDefaultPolicy() {
  return byId("policy").value === props.default_policy;
}

/** What each of the slider's meanings needs, beside the threshold, which means something always. */
const meanings = {
  budget: () => isDefaultPolicy() && props.calibration.length > 0,
  threshold: () => true,
  accuracy: () => isDefaultPolicy() && (props.promises ?? []).length > 0,
};

const controlNames = { budget: "LLM share", threshold: "Threshold", accuracy: "Promise" };

/** The share that the default threshold stands for, by the nearest point of the calibration. */
function defaultBudget() {
  if (props.default_budget !== null) return props.default_budget;
  const distance = (point) => Math.abs(point.threshold - props.default_threshold);
  return props.calibration.reduce((a, b) => (distance(b) < distance(a) ? b : a)).budget;
}

/** Slider positions are whole percents. */
const wholePercent = (share) => `${Math.round(100 * share)} %`;

function promiseText({ accuracy, confidence, threshold }) {
  const kept = `${percent(accuracy)} of the LLM's right answers are kept, at ${percent(confidence)} confidence`;
  return threshold === null
    ? `Validation does not show that ${kept}: the LLM writes every token.`
    : `${kept}: the LLM writes the tokens whose score is below ${scoreText(threshold)}.`;
}

function describeLevel(level) {
  if (control() === "accuracy") return promiseText(props.promises[level]);
  if (level === 0) return "The SLM writes every token.";
  if (level === 1) return "The LLM writes every token.";
  if (usesBudget()) return `The LLM may write about ${wholePercent(level)} of the tokens, where they matter most.`;
  return `The LLM writes the tokens whose score is below ${level.toFixed(2)}.`;
}

function levelText(level) {
  if (control() === "accuracy") return percent(props.promises[level].accuracy);
  return usesBudget() ? wholePercent(level) : level.toFixed(2);
}

function showLevel() {
  const level = Number(byId("level").value);
  const text = levelText(level);
  byId("level-value").textContent = text;
  byId("level").setAttribute("aria-valuetext", text);
  byId("level-note").textContent = describeLevel(level);
}

function showControl() {
  const possible = Object.keys(meanings).filter((name) => meanings[name]());
  byId("control-choice").hidden = possible.length < 2;
  for (const name of Object.keys(meanings)) {
    byId(`control-${name}`).hidden = !possible.includes(name);
  }
  if (!possible.includes(chosen("control"))) choose("control", possible[0]);
  byId("level-name").textContent = controlNames[control()];
  const isPromise = control() === "accuracy";
  byId("level").max = isPromise ? props.promises.length - 1 : 1;
  byId("level").step = isPromise ? 1 : 0.01;
  byId("level").value = levels[control()];
  showLevel();
}

/** Shows what the server has. */
export function showProperties(given) {
  props = given;
  levels.threshold = props.default_threshold;
  if (props.calibration.length > 0) levels.budget = defaultBudget();
  byId("routing").hidden = isSingle();
  byId("compare-choice").hidden = isSingle();
  byId("policy").replaceChildren(...props.policies.filter(isRouting).map((name) => el("option", {}, name)));
  byId("policy").value = props.default_policy;
  const settings = props.default_generation_settings.params;
  byId("temperature").value = settings.temperature;
  if (settings.max_tokens > 0) byId("max-tokens").value = settings.max_tokens;
  if (props.has_chat_template === false) {
    choose("format", "text");
    byId("format-choice").hidden = true;
    byId("format-note").hidden = false;
  }
  showControl();
}

/** Whether there is one model alone, which is not routed. */
export function isSingle() {
  return props?.policies.length === 1;
}

/** The `citer` field of a request. The slider's ends are the models alone, unless it is a promise. */
export function routing() {
  if (isSingle()) return { policy: "slm" };
  if (control() === "accuracy") {
    const { accuracy, confidence } = props.promises[Number(byId("level").value)];
    return { policy: byId("policy").value, accuracy, confidence };
  }
  const level = Number(byId("level").value);
  const policy = byId("policy").value;
  const meaning = usesBudget() && level > 0 && level < 1 ? "budget" : "threshold";
  return { ...(policy ? { policy } : {}), [meaning]: level };
}

/** The same in words. */
export function routingText({ policy, budget, threshold, accuracy }) {
  if (isSingle()) return "";
  if (accuracy !== undefined) return `${policy}, promise of ${percent(accuracy)}`;
  const level = budget === undefined ? threshold.toFixed(2) : wholePercent(budget);
  return policy ? `${policy} at ${level}` : level;
}

/** Fields of a request that say how to write. */
export function writing() {
  return { max_tokens: Number(byId("max-tokens").value) || 512, temperature: Number(byId("temperature").value) || 0 };
}

export function isChat() {
  return chosen("format") === "chat";
}

/** Beside the conversation the panel is always open. */
function keepOpenWhereThereIsRoom() {
  const wide = matchMedia("(min-width: 60rem)");
  const panel = byId("panel");
  const adapt = () => { panel.open = wide.matches; };
  wide.addEventListener("change", adapt);
  panel.querySelector("summary").addEventListener("click", (event) => {
    if (wide.matches) event.preventDefault();
  });
  adapt();
}

/** `onKey` is called when another API key was given, `onFormat` when prompts mean something else. */
export function wireSettings({ onKey, onFormat }) {
  keepOpenWhereThereIsRoom();
  byId("level").addEventListener("input", () => {
    levels[control()] = Number(byId("level").value);
    showLevel();
  });
  byId("control-choice").addEventListener("change", showControl);
  byId("policy").addEventListener("change", showControl);
  byId("format-choice").addEventListener("change", onFormat);
  byId("api-key").value = apiKey();
  byId("api-key").addEventListener("change", () => {
    setApiKey(byId("api-key").value.trim());
    onKey();
  });
  showLevel();
}
