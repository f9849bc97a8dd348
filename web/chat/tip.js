// The one tooltip: what is known of a token.

import { announce, byId, duration, el, scoreText } from "./dom.js";

const margin = 8;

function place(tip, node) {
  const target = node.getClientRects()[0];
  const { width, height } = tip.getBoundingClientRect();
  const room = document.documentElement.clientWidth - width - margin;
  const left = Math.max(margin, Math.min(target.left + target.width / 2 - width / 2, room));
  const above = target.top - height - margin;
  tip.style.left = `${left}px`;
  tip.style.top = `${above > margin ? above : target.bottom + margin}px`;
}

export function showTip(node, token, spoken) {
  const tip = byId("tip");
  const writer = token.writer === "llm" ? "LLM" : "SLM";
  const score = scoreText(token.score);
  tip.replaceChildren(
    el("span", { class: `writer ${token.writer}` }, writer),
    el("span", {}, "score ", el("b", {}, score)),
    el("span", {}, duration(token.seconds)));
  tip.hidden = false;
  place(tip, node);
  if (spoken) announce(`${token.text.trim() || "blank"}, ${writer}, score ${score}, ${duration(token.seconds)}`);
}

export function hideTip() {
  byId("tip").hidden = true;
}
