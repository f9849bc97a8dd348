// The page: a conversation with the server.

import { Answer } from "./answer.js";
import { chooseModel, generate, properties, servedModels } from "./api.js";
import { keepTurns, keptTurns } from "./conversation.js";
import { forgetCurves, openDashboard } from "./dashboard.js";
import { announce, byId, el } from "./dom.js";
import { examples } from "./examples.js";
import { isChat, isSingle, routing, routingText, showProperties, wireSettings, writing } from "./settings.js";

/** What is on the page: [{prompt, isChat, answers: [{title, note, isMain, answer}]}]. */
let turns = [];
/** Aborts what is being written; null when nothing is. */
let running = null;

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function fileName(path) {
  return path.split("/").at(-1);
}

/** Lets one of several models be chosen, where the server has several. */
async function showModels() {
  if (byId("model").childElementCount > 0) return;
  const names = await servedModels();
  byId("model").replaceChildren(...names.map((name) => el("option", {}, name)));
  byId("model-choice").hidden = names.length === 0;
  chooseModel(byId("model").value);
}

async function connect() {
  try {
    await showModels();
    const props = await properties();
    showProperties(props);
    const llm = isSingle() ? [] : [el("span", { class: "model llm" }, "LLM ", el("b", {}, fileName(props.llm.path)))];
    byId("pair").replaceChildren(
      el("span", { class: "model slm" }, isSingle() ? "" : "SLM ", el("b", {}, fileName(props.slm.path))), ...llm);
    showPlaceholder();
    notice("");
  } catch (error) {
    notice(error.status === 401
      ? "This server wants an API key: type it into the settings."
      : error.message);
    if (error.status === 401) byId("panel").open = true;
  }
}

function showPlaceholder() {
  byId("prompt").placeholder = isChat() ? "Ask something" : "Text to continue: Question: … Solution:";
}

/** What is asked for one prompt: the routed answer, between those of each model if wanted. */
function wantedAnswers() {
  const routed = routing();
  const own = { title: isSingle() ? "Answer" : "Routed", note: routingText(routed), citer: routed, isMain: true };
  if (isSingle() || !byId("compare").checked) return [own];
  return [
    { title: "SLM alone", note: "", citer: { policy: "slm" } },
    own,
    { title: "LLM alone", note: "", citer: { policy: "llm" } },
  ];
}

function nearEnd() {
  const page = document.documentElement;
  return page.scrollHeight - page.scrollTop - page.clientHeight < 120;
}

/** Follows the answer as it grows, unless the reader has scrolled up. */
function grow(change) {
  const follow = nearEnd();
  change();
  if (follow) scrollTo({ top: document.documentElement.scrollHeight });
}

/** Does something once before the next picture, however often it is asked for until then. */
function oncePerFrame(action) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      action();
    });
  };
}

async function write(answer, prompt, citer, signal) {
  answer.begin();
  const show = oncePerFrame(() => grow(() => answer.render()));
  try {
    for await (const part of generate(prompt, writing(), citer, signal)) {
      answer.add(part);
      show();
    }
    grow(() => answer.finish("done"));
  } catch (error) {
    grow(() => answer.finish(signal.aborted ? "stopped" : "failed", signal.aborted ? "" : error.message));
  }
}

function setRunning(controller) {
  running = controller;
  byId("stop").hidden = !controller;
  byId("send").disabled = Boolean(controller);
}

/** The chat so far; plain texts are continued one by one. */
function messages() {
  const said = turns.filter(({ isChat: inChat, answers }) => inChat &&
    answers.some(({ isMain, answer }) => isMain && answer.kept().state === "done"));
  return said.flatMap(({ prompt, answers }) => [prompt.messages.at(-1),
    { role: "assistant", content: answers.find(({ isMain }) => isMain).answer.text }]);
}

function keep() {
  keepTurns(turns.map((turn) => ({ ...turn, answers: turn.answers.map(({ answer, ...told }) => ({ ...told, ...answer.kept() })) })));
}

/** Puts a turn on the page; its answers are to be written, or restored. */
function addTurn(prompt, inChat, wanted) {
  byId("welcome").hidden = true;
  byId("clear").hidden = false;
  const policies = isSingle() ? ["slm"] : ["slm", "llm"];
  const answers = wanted.map(({ title, note, isMain }) => ({ title, note, isMain, answer: new Answer(title, note, prompt, policies) }));
  for (const { answer } of answers) answer.mark(byId("marks").checked);
  const asked = inChat ? prompt.messages.at(-1).content : prompt.prompt;
  byId("turns").append(el("article", { class: "turn", "aria-label": "Prompt and answers" },
    el("div", { class: "asked" }, el("span", { class: "hidden" }, "You: "), asked),
    el("div", { class: wanted.length > 1 ? "answers compared" : "answers" },
      ...answers.map(({ answer }) => answer.element))));
  turns.push({ prompt, isChat: inChat, answers });
  scrollTo({ top: document.documentElement.scrollHeight });
  return answers.map(({ answer }) => answer);
}

function restore() {
  for (const { prompt, isChat: inChat, answers } of keptTurns()) {
    const shown = addTurn(prompt, inChat, answers);
    answers.forEach((kept, i) => shown[i].restore(kept));
  }
}

async function send() {
  const text = byId("prompt").value;
  if (running || !text.trim()) return;
  const prompt = isChat() ? { messages: [...messages(), { role: "user", content: text }] } : { prompt: text };
  const wanted = wantedAnswers();
  const answers = addTurn(prompt, isChat(), wanted);
  byId("prompt").value = "";
  const controller = new AbortController();
  setRunning(controller);
  announce("The answer is being written.");
  // One after the other: side by side they would share the machine, and no time would be right.
  for (const [i, { citer }] of wanted.entries()) await write(answers[i], prompt, citer, controller.signal);
  setRunning(null);
  keep();
  announce(wanted.map(({ title }, i) => `${title}: ${answers[i].spoken()}`).join(" "));
}

function clear() {
  running?.abort();
  turns = [];
  keep();
  byId("turns").replaceChildren();
  byId("welcome").hidden = false;
  byId("clear").hidden = true;
  byId("prompt").focus();
}

function showExamples() {
  byId("examples").append(...examples.map((example) => {
    const button = el("button", { type: "button" },
      el("b", {}, example.title), el("span", {}, example.question));
    button.addEventListener("click", () => {
      byId("prompt").value = isChat() ? example.chat : example.text;
      byId("prompt").focus();
    });
    return el("li", {}, button);
  }));
}

const marksName = "citer-marks";

function wireMarks() {
  byId("marks").checked = localStorage.getItem(marksName) === "on";
  byId("marks").addEventListener("change", () => {
    const on = byId("marks").checked;
    if (on) localStorage.setItem(marksName, "on");
    else localStorage.removeItem(marksName);
    for (const { answers } of turns) for (const { answer } of answers) answer.mark(on);
  });
}

/** Chat or dashboard, by the address's last part. */
function showView() {
  const isDashboard = location.hash === "#dashboard";
  byId("chat").hidden = isDashboard;
  byId("dashboard").hidden = !isDashboard;
  for (const link of document.querySelectorAll(".views a")) {
    const isHere = (link.hash === "#dashboard") === isDashboard;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  byId("clear").hidden = isDashboard || turns.length === 0;
  if (isDashboard) openDashboard();
}

function wire() {
  addEventListener("hashchange", showView);
  byId("model").addEventListener("change", () => {
    chooseModel(byId("model").value);
    forgetCurves();
    connect();
  });
  byId("composer").addEventListener("submit", (event) => {
    event.preventDefault();
    send();
  });
  byId("prompt").addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    byId("composer").requestSubmit();
  });
  byId("stop").addEventListener("click", () => {
    running?.abort();
    byId("prompt").focus();
  });
  byId("clear").addEventListener("click", clear);
}

showExamples();
wireSettings({ onKey: connect, onFormat: showPlaceholder });
wireMarks();
wire();
showView();
connect().then(restore);
