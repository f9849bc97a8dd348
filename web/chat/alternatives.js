// What each model would have written at a place of an answer, asked for when somebody wants to know.

import { likeliest, tokenIds } from "./api.js";
import { el, percent } from "./dom.js";

const names = { slm: "SLM", llm: "LLM" };

function listOf(policy, tokens, chosen) {
  return el("div", { class: `alternatives ${policy}` },
    el("h4", { class: "writer" }, `${names[policy]} would write`),
    el("ol", {}, ...tokens.map(({ text, probability }) => el("li", { class: text === chosen ? "chosen" : null },
      el("code", {}, JSON.stringify(text).slice(1, -1) || "(end)"), " ", percent(probability)))));
}

export class Alternatives {
  #prompt;
  #ids = null;
  #asked = 0;

  /** `prompt` is what the answer answers: {messages} or {prompt}. */
  constructor(prompt) {
    this.#prompt = prompt;
    this.element = el("div", { class: "inspector", role: "region", "aria-label": "Alternatives", "aria-live": "polite", hidden: true });
  }

  hide() {
    ++this.#asked;
    this.element.hidden = true;
  }

  /** Shows them for the token with this text behind the answer's tokens `before`. */
  async show(text, before, policies) {
    const asked = ++this.#asked;
    this.element.hidden = false;
    this.element.replaceChildren(el("p", { class: "note" }, "Asking both models\u2026"));
    try {
      this.#ids ??= await tokenIds(this.#prompt);
      const prefix = [...this.#ids, ...before];
      const found = [];
      for (const policy of policies) found.push(listOf(policy, await likeliest(prefix, policy), text));
      if (asked === this.#asked) this.element.replaceChildren(...found);
    } catch (error) {
      if (asked === this.#asked) this.element.replaceChildren(el("p", { class: "note" }, error.message));
    }
  }
}
