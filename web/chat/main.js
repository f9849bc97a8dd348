// The page: a conversation with the server.

import { Answer } from "./answer.js";
import { generate, properties } from "./api.js";
import { announce, byId, el } from "./dom.js";
import { examples } from "./examples.js";
import { isChat, routing, routingText, showProperties, wireSettings, writing } from "./settings.js";

/** The chat so far; plain texts are continued one by one. */
let messages = [];
/** Aborts what is being written; null when nothing is. */
let running = null;

function notice(text) {
  byId("notice").textContent = text;
  byId("notice").hidden = !text;
}

function fileName(path) {
  return path.split("/").at(-1);
}

async function connect() {
  try {
    const props = await properties();
    byId("pair").replaceChildren(
      el("span", { class: "model slm" }, "SLM ", el("b", {}, fileName(props.slm.path))),
      el("span", { class: "model llm" }, "LLM ", el("b", {}, fileName(props.llm.path))));
    showProperties(props);
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
  const own = { title: "Routed", note: routingText(routed), citer: routed, isMain: true };
  if (!byId("compare").checked) return [own];
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
    return true;
  } catch (error) {
    grow(() => answer.finish(signal.aborted ? "stopped" : "failed", signal.aborted ? "" : error.message));
    return false;
  }
}

function setRunning(controller) {
  running = controller;
  byId("stop").hidden = !controller;
  byId("send").disabled = Boolean(controller);
}

function addTurn(text, wanted) {
  byId("welcome").hidden = true;
  byId("clear").hidden = false;
  const answers = wanted.map(({ title, note }) => new Answer(title, note));
  byId("turns").append(el("article", { class: "turn", "aria-label": "Prompt and answers" },
    el("div", { class: "asked" }, el("span", { class: "hidden" }, "You: "), text),
    el("div", { class: wanted.length > 1 ? "answers compared" : "answers" },
      ...answers.map((answer) => answer.element))));
  scrollTo({ top: document.documentElement.scrollHeight });
  return answers;
}

async function send() {
  const text = byId("prompt").value;
  if (running || !text.trim()) return;
  const chat = isChat();
  const prompt = chat ? { messages: [...messages, { role: "user", content: text }] } : { prompt: text };
  const wanted = wantedAnswers();
  const answers = addTurn(text, wanted);
  byId("prompt").value = "";
  const controller = new AbortController();
  setRunning(controller);
  announce("The answer is being written.");
  // One after the other: side by side they would share the machine, and no time would be right.
  for (const [i, { citer, isMain }] of wanted.entries()) {
    const done = await write(answers[i], prompt, citer, controller.signal);
    if (isMain && chat && done) {
      messages = [...prompt.messages, { role: "assistant", content: answers[i].text }];
    }
  }
  setRunning(null);
  announce(wanted.map(({ title }, i) => `${title}: ${answers[i].spoken()}`).join(" "));
}

function clear() {
  running?.abort();
  messages = [];
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

function wire() {
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
wire();
connect();
