// One answer on the page: its text, as it is meant or coloured by writer, its figures, its tokens as a table.

import { Alternatives } from "./alternatives.js";
import { duration, el, percent, scoreText } from "./dom.js";
import { rendered } from "./markdown.js";
import { Pieces } from "./pieces.js";
import { hideTip, showTip } from "./tip.js";

const writerNames = { slm: "SLM", llm: "LLM" };

/** A piece's tokens as one: written by the LLM if any of them was. */
function joined(tokens) {
  const writer = tokens.some((token) => token.writer === "llm") ? "llm" : "slm";
  return {
    text: tokens.map((token) => token.text).join(""),
    writer,
    score: Math.min(...tokens.map((token) => token.score)),
    seconds: tokens.reduce((sum, token) => sum + token.seconds, 0),
  };
}

/** How deep a token's shade is: learned scores are so close to 1 that 1 - score would show nothing. */
function doubt(score) {
  return ((1 - score) ** 0.25).toFixed(3);
}

/** Text with its blanks made visible, for a table. */
function visible(text) {
  return text.replaceAll("\n", "\u23ce").replaceAll(" ", "\u2423");
}

export class Answer {
  #pieces = new Pieces();
  #tokens = [];
  #byLlm = 0;
  #text = "";
  /** What came but is not shown yet. */
  #unseen = [];
  #summary = null;
  #started = 0;
  #current = null;
  #alternatives;
  #policies;
  #marked = false;

  /**
   * `note` says what the title leaves open: the policy, for one. `prompt` is what is answered,
   * `policies` the models that can be asked for alternatives.
   */
  constructor(title, note, prompt, policies) {
    this.#alternatives = new Alternatives(prompt);
    this.#policies = policies;
    this.#build(title, note);
    this.#wire();
  }

  /** Whether tokens are coloured by writer, or the text is shown as it is meant. */
  mark(marked) {
    this.#marked = marked;
    this.#showBody();
  }

  /** What is kept of it. */
  kept() {
    return { text: this.#text, tokens: this.#tokens, summary: this.#summary, state: this.state.textContent, seconds: this.#seconds() };
  }

  /** Shows what was kept. */
  restore({ text, tokens, summary, state, seconds }) {
    this.begin();
    this.#started -= 1000 * (seconds ?? 0);
    this.add({ text, trace: tokens, summary });
    this.finish(["done", "stopped", "failed"].includes(state) ? state : "stopped");
  }

  get text() {
    return this.#text;
  }

  #build(title, note) {
    this.state = el("span", { class: "state" }, "waiting");
    this.bar = el("span", { class: "llm-part" });
    this.body = el("div", {
      class: "tokens", tabindex: "0", role: "group",
      "aria-label": `${title}: text of the answer. Left and right arrow keys go from token to token.`,
    });
    this.meant = el("div", { class: "meant" });
    this.figures = el("dl", { class: "figures" });
    this.table = el("tbody");
    this.details = el("details", { class: "token-table", hidden: true },
      el("summary", {}, "All tokens"),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": "All tokens" },
        el("table", {},
          el("thead", {}, el("tr", {}, ...["Token", "Writer", "Score", "Time"].map(
            (name) => el("th", { scope: "col" }, name)))),
          this.table)));
    this.problem = el("p", { class: "problem", role: "alert", hidden: true });
    this.element = el("article", { class: "answer", "aria-label": title },
      el("header", {}, el("h3", {}, title), el("span", { class: "note" }, note), this.state),
      el("div", { class: "share-bar", "aria-hidden": "true" }, this.bar),
      this.meant, this.body, this.#alternatives.element, this.problem, this.figures, this.details);
    this.element.setAttribute("aria-busy", "true");
  }

  #wire() {
    this.body.addEventListener("pointerover", (event) => {
      if (event.target.matches(".token")) this.#select(event.target, false);
    });
    this.body.addEventListener("click", (event) => {
      if (event.target.matches(".token")) this.#ask(event.target);
    });
    this.body.addEventListener("pointerleave", () => this.#select(null));
    this.body.addEventListener("focus", () => {
      if (this.body.matches(":focus-visible")) this.#select(this.body.firstElementChild, true);
    });
    this.body.addEventListener("blur", () => this.#select(null));
    this.body.addEventListener("keydown", (event) => this.#move(event));
    this.details.addEventListener("toggle", () => this.#fillTable());
  }

  #move(event) {
    const all = this.body.children;
    const at = this.#current ? [...all].indexOf(this.#current) : -1;
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
    if (event.key === "Escape") {
      this.#select(null);
      this.#alternatives.hide();
    }
    if (event.key === "Enter" && this.#current) this.#ask(this.#current);
    if (to === undefined || all.length === 0) return;
    event.preventDefault();
    this.#select(all[Math.max(0, Math.min(to, all.length - 1))], true);
  }

  /** Asks both models what they would write in this token's place. */
  #ask(node) {
    const before = this.#tokens.slice(0, node.first).map((token) => token.id);
    this.#alternatives.show(node.token.text, before, this.#policies);
  }

  #select(node, spoken = false) {
    this.#current?.classList.remove("current");
    this.#current = node;
    if (!node) return hideTip();
    node.classList.add("current");
    showTip(node, node.token, spoken);
  }

  #show(pieces) {
    for (const { text, tokens } of pieces) {
      const token = joined(tokens);
      const node = el("span", { class: `token ${token.writer}` }, text);
      if (token.writer === "slm") node.style.setProperty("--doubt", doubt(token.score));
      node.token = token;
      node.first = this.#tokens.indexOf(tokens[0]);
      this.body.append(node);
    }
  }

  /** It is asked for now. */
  begin() {
    this.#started = performance.now();
    this.state.textContent = "reading";
  }

  /** Takes what came of the stream; render() shows it. */
  add({ text, trace, summary }) {
    this.#text += text;
    this.#tokens.push(...trace);
    this.#byLlm += trace.filter((token) => token.writer === "llm").length;
    this.#unseen.push(...this.#pieces.add(text, trace));
    this.#summary ??= summary;
  }

  render() {
    this.#show(this.#unseen.splice(0));
    if (this.#tokens.length === 0) return;
    if (this.element.hasAttribute("aria-busy")) this.state.textContent = "writing";
    this.#showBody();
    this.#showFigures();
  }

  /** Ends the answer: "done", "stopped", or with an error's message. */
  finish(state, message = "") {
    this.#unseen.push(...this.#pieces.finish());
    this.render();
    this.state.textContent = state;
    this.element.classList.add(state);
    this.element.removeAttribute("aria-busy");
    this.details.hidden = this.#tokens.length === 0;
    this.#showBody();
    this.problem.hidden = !message;
    this.problem.textContent = message;
  }

  /** What a screen reader says when it is done. */
  spoken() {
    return `${this.#text} \u2014 ${this.#byLlm} of ${this.#tokens.length} tokens by the LLM.`;
  }

  #showBody() {
    this.body.hidden = !this.#marked || this.#text === "";
    this.meant.hidden = this.#marked || this.#text === "";
    if (!this.#marked) this.meant.replaceChildren(...rendered(this.#text));
    if (!this.#marked) this.#alternatives.hide();
  }

  #seconds() {
    return this.#summary?.seconds ?? (performance.now() - this.#started) / 1000;
  }

  #showFigures() {
    const total = this.#tokens.length;
    const summary = this.#summary;
    const share = summary?.llm_share ?? this.#byLlm / total;
    const seconds = this.#seconds();
    const speed = summary?.tokens_per_second ?? total / seconds;
    this.bar.style.inlineSize = `${100 * share}%`;
    const alone = share < 1 ? summary?.llm_alone_seconds : null;
    const rows = [
      ["By the LLM", percent(share), `${this.#byLlm} of ${total} tokens`],
      ["Speed", `${speed.toFixed(speed < 10 ? 1 : 0)}`, "tokens per second"],
      ["Time", duration(seconds), alone ? `LLM alone: about ${duration(alone)}` : ""],
    ];
    if (summary && share < 1) rows.push(["LLM passes", String(summary.llm_passes), `LLM alone: about ${total}`]);
    this.figures.replaceChildren(...rows.map(([name, value, more]) => el("div", {},
      el("dt", {}, name), el("dd", {}, el("b", {}, value), more ? el("span", {}, more) : null))));
  }

  #fillTable() {
    if (!this.details.open || this.table.childElementCount > 0) return;
    this.table.append(...this.#tokens.map((token) => el("tr", { class: token.writer },
      el("td", { class: "text" }, visible(token.text) || "(end)"), el("td", {}, writerNames[token.writer]),
      el("td", {}, scoreText(token.score)), el("td", {}, duration(token.seconds)))));
  }
}
