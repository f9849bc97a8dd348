// Markdown and formulas as nodes. The library `marked` says what stands in a text, `katex` what a
// formula looks like; nodes are made here, of these few kinds, and text enters as text: whatever a
// model writes, no markup of its own, no picture and no script comes into the page.

import { el } from "./dom.js";

/** How formulas are written: where one may begin, and what it is there. */
const formulas = [
  { start: "$$", pattern: /^\$\$([^]+?)\$\$/, display: true },
  { start: "\\[", pattern: /^\\\[([^]+?)\\\]/, display: true },
  { start: "\\(", pattern: /^\\\(([^]+?)\\\)/, display: false },
  { start: "\\boxed{", pattern: /^(\\boxed\{[^{}\n]*\})/, display: false },
  // Not two prices: no blank within the dollars, no digit behind them.
  { start: "$", pattern: /^\$(?!\s)((?:\\.|[^\\$\n])+?)(?<!\s)\$(?!\d)/, display: false },
];

function formulaExtension(name, level, kinds) {
  return {
    name,
    level,
    start: (text) => {
      const found = kinds.map(({ start }) => text.indexOf(start)).filter((at) => at >= 0);
      return found.length > 0 ? Math.min(...found) : undefined;
    },
    tokenizer: (text) => {
      for (const { pattern, display } of kinds) {
        const match = pattern.exec(text);
        if (match) return { type: "formula", raw: match[0], tex: match[1], display };
      }
      return undefined;
    },
  };
}

marked.use({
  extensions: [
    formulaExtension("formulaBlock", "block", formulas.filter(({ display }) => display)),
    formulaExtension("formulaInline", "inline", formulas),
  ],
});

const entities = { "&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": "\"", "&#39;": "'" };

/** What `marked` escaped for HTML, as it was. */
function plain(text) {
  return text.replace(/&(?:amp|lt|gt|quot|#39);/g, (entity) => entities[entity]);
}

/** MathML, which browsers draw and read out; what is no formula stays the text it is. */
function formula({ raw, tex, display }) {
  const node = el("span", { class: display ? "formula display" : "formula" });
  try {
    katex.render(tex, node, { output: "mathml", displayMode: display, strict: "ignore", trust: false, maxExpand: 200, maxSize: 20 });
  } catch {
    node.replaceChildren(raw);
  }
  return node;
}

function link(token) {
  const address = /^(?:https?:|mailto:)/i.test(token.href) ? token.href : null;
  if (!address) return [token.raw];
  return [el("a", { href: address, rel: "noreferrer noopener", target: "_blank" }, ...inline(token.tokens))];
}

function list(token) {
  const items = token.items.map((item) => el("li", {},
    item.task ? el("span", { "aria-hidden": "true" }, item.checked ? "\u2611 " : "\u2610 ") : null,
    ...blocks(item.tokens)));
  const first = token.ordered && token.start !== 1 ? String(token.start) : null;
  return el(token.ordered ? "ol" : "ul", { start: first }, ...items);
}

function table(token) {
  const row = (cells, tag) => el("tr", {}, ...cells.map((cell, i) => el(tag,
    { class: token.align[i], scope: tag === "th" ? "col" : null }, ...inline(cell.tokens))));
  return el("div", { class: "scroll-x", tabindex: "0", role: "region", "aria-label": "Table" },
    el("table", {}, el("thead", {}, row(token.header, "th")),
      el("tbody", {}, ...token.rows.map((cells) => row(cells, "td")))));
}

/** The page has headings of its own above these. */
const headingLevel = (depth) => Math.min(depth + 3, 6);

/** Nodes of each kind of token; what is not named stays the text it is. */
const kinds = {
  space: () => [],
  hr: () => [el("hr")],
  br: () => [el("br")],
  escape: (token) => [token.raw.slice(1)],
  text: (token) => (token.tokens ? inline(token.tokens) : [token.raw]),
  paragraph: (token) => [el("p", {}, ...inline(token.tokens))],
  heading: (token) => [el(`h${headingLevel(token.depth)}`, {}, ...inline(token.tokens))],
  blockquote: (token) => [el("blockquote", {}, ...blocks(token.tokens))],
  strong: (token) => [el("strong", {}, ...inline(token.tokens))],
  em: (token) => [el("em", {}, ...inline(token.tokens))],
  del: (token) => [el("del", {}, ...inline(token.tokens))],
  codespan: (token) => [el("code", {}, plain(token.text))],
  code: (token) => [el("pre", { tabindex: "0" }, el("code", {}, token.text))],
  list: (token) => [list(token)],
  table: (token) => [table(token)],
  link: (token) => link(token),
  formula: (token) => [formula(token)],
};

function nodes(tokens) {
  return tokens.flatMap((token) => (Object.hasOwn(kinds, token.type) ? kinds[token.type](token) : [token.raw]));
}

const inline = nodes;
const blocks = nodes;

/** A text of Markdown as nodes. */
export function rendered(text) {
  return nodes(marked.lexer(text));
}
