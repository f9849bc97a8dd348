// Examples to read, under two settings side by side.

function examplesOf(data) {
  return report.examples.filter((example) => example.data === data || data === "all");
}

/** Place of the first example that the first answer shown has wrong and the second has right. */
function tellingPlace(list) {
  const tells = (example) => !shownRun(example, "a").correct && shownRun(example, "b").correct;
  return list.findIndex(tells) + 1;
}

/** The example the state names: its place and the list it is from. */
function chosenExample() {
  const list = examplesOf(state.data);
  const named = state.example ? Number.parseInt(state.example, 10) : tellingPlace(list);
  const place = Math.min(Math.max(1, named || 1), list.length);
  return { list, place, example: list[place - 1] };
}

/** The run of an example that "policy@threshold" names, or that of the nearest threshold. */
function runNamed(example, name) {
  const at = name.lastIndexOf("@");
  const policy = at < 0 ? name : name.slice(0, at);
  const threshold = at < 0 ? 0 : Number(name.slice(at + 1));
  const distance = (run) => Math.abs(run.threshold - threshold);
  return example.runs.filter((run) => run.policy === policy)
    .sort((a, b) => distance(a) - distance(b))[0];
}

const runName = (run) => `${run.policy}@${run.threshold}`;

/** What the two answers show until somebody chooses: the SLM alone beside the best setting. */
function defaultRun(example, side) {
  if (side === "a") return runNamed(example, "slm") ?? example.runs[0];
  const best = bestRun(example.data);
  return (best && runNamed(example, runName(best))) ??
    example.runs.find((run) => isUsable(run.policy)) ?? example.runs.at(-1);
}

function shownRun(example, side) {
  return (state[side] && runNamed(example, state[side])) || defaultRun(example, side);
}

function field(label, control) {
  return el("label", { class: "field" }, label, " ", control);
}

function makeAnswer(side) {
  const part = (name) => `answer-${side}-${name}`;
  const policy = el("select", { id: part("policy") });
  const threshold = el("select", { id: part("threshold") });
  policy.addEventListener("change", () => update({ [side]: `${policy.value}@${threshold.value || 0}` }));
  threshold.addEventListener("change", () => update({ [side]: `${policy.value}@${threshold.value}` }));
  const name = side === "a" ? "First answer" : "Second answer";
  return el("article", { class: "card answer", "aria-label": name },
    el("div", { class: "settings" }, field("Policy", policy), field("Threshold", threshold)),
    el("p", { class: "verdict", id: part("verdict") }),
    el("div", { class: "tokens", id: part("tokens"), role: "listbox", "aria-label": `${name}, by token`,
      "aria-orientation": "horizontal" }),
    el("p", { class: "reading", id: part("reading"), "aria-live": "polite" }),
    el("details", {}, el("summary", {}, "Tokens as a table"),
      el("div", { class: "scroll high", role: "region", tabindex: "0", "aria-label": `${name}, tokens` },
        el("table", { id: part("table") }, el("caption", { class: "hidden" }, `${name}, tokens`),
          el("thead", {}, headRow(["Token", "Writer", "Score"])), el("tbody")))));
}

/** A token's text as it is shown: line ends, and tokens without text (the answer's end), are seen. */
function pieceText(piece) {
  return piece === "" ? "end" : piece.replaceAll("\n", "\u21b5\n");
}

const writerText = (writer) => writer === 1 ? "LLM" : "SLM";

function tokenText([, writer, score]) {
  return `${writerText(writer)}, score ${fixed(score, 3)}`;
}

function tokenNode(token, place) {
  const [piece, writer, score] = token;
  return el("span", {
    class: `token ${writer === 1 ? "llm" : "slm"}${piece ? "" : " empty"}`,
    role: "option", "aria-selected": "false",
    tabindex: place === 0 ? "0" : "-1", title: tokenText(token), "data-place": place,
    "aria-label": `${pieceText(piece).trim() || "space"}: ${tokenText(token)}`,
    style: `--doubt: ${(1 - Math.min(1, Math.max(0, score ?? 0))).toFixed(3)}`,
  }, pieceText(piece));
}

const shownRuns = {};  // side -> run

/** Says below the answer what one of its tokens is. */
function readToken(side, place) {
  const run = shownRuns[side];
  for (const node of byId(`answer-${side}-tokens`).children) {
    const here = Number(node.dataset.place) === place;
    node.setAttribute("aria-selected", String(here));
    node.tabIndex = here ? 0 : -1;
  }
  const token = run.tokens[place];
  byId(`answer-${side}-reading`).textContent =
    `Token ${place + 1} of ${run.tokens.length}, ` +
    `\u201c${pieceText(token[0]).trim()}\u201d: ${tokenText(token)}`;
}

/** The place a key moves to from a token, or nothing. */
function placeAfter(key, at, last) {
  const steps = { ArrowRight: at + 1, ArrowDown: at + 1, ArrowLeft: at - 1, ArrowUp: at - 1,
    Home: 0, End: last };
  return key in steps ? Math.min(last, Math.max(0, steps[key])) : undefined;
}

function wireTokens(side, box) {
  const placeOf = (event) => Number(event.target.closest(".token")?.dataset.place ?? -1);
  for (const kind of ["mouseover", "click", "focusin"]) {
    box.addEventListener(kind, (event) => {
      if (placeOf(event) >= 0) readToken(side, placeOf(event));
    });
  }
  box.addEventListener("keydown", (event) => {
    const place = placeAfter(event.key, placeOf(event), box.children.length - 1);
    if (place === undefined || placeOf(event) < 0) return;
    event.preventDefault();
    box.children[place].focus();
  });
}

function showVerdict(side, run) {
  const llmTokens = sum(run.tokens.map(([, writer]) => writer));
  byId(`answer-${side}-verdict`).replaceChildren(
    el("strong", { class: run.correct ? "right" : "wrong" },
      el("span", { "aria-hidden": "true" }, run.correct ? "\u2713 " : "\u2717 "),
      run.correct ? "Right" : "Wrong"),
    el("span", {}, "answer ", el("b", {}, run.answer || "none found")),
    el("span", {}, `${llmTokens} of ${run.tokens.length} tokens by the LLM`));
}

function showAnswer(side, example) {
  const run = shownRun(example, side);
  shownRuns[side] = run;
  const names = unique(example.runs.map((other) => other.policy));
  const own = example.runs.filter((other) => other.policy === run.policy)
    .sort((a, b) => a.threshold - b.threshold);
  const threshold = byId(`answer-${side}-threshold`);
  fillSelect(byId(`answer-${side}-policy`), names.map((name) => [name, policyLabel(name)]), run.policy);
  fillSelect(threshold, own.map((other) => [String(other.threshold), thresholdText(other.threshold)]),
    String(run.threshold));
  threshold.closest(".field").hidden = !isUsable(run.policy);
  showVerdict(side, run);
  byId(`answer-${side}-tokens`).replaceChildren(...run.tokens.map(tokenNode));
  byId(`answer-${side}-reading`).textContent = "";
  byId(`answer-${side}-table`).tBodies[0].replaceChildren(...run.tokens.map(([piece, writer, score]) =>
    el("tr", {}, el("th", { scope: "row" }, el("code", {}, pieceText(piece))),
      el("td", kNumber, writerText(writer)), el("td", kNumber, fixed(score, 3)))));
}

function exampleLabel(example, i) {
  const line = example.prompt.split("\n").find((text) => text.trim()) ?? "";
  const start = line.length > 70 ? `${line.slice(0, 70)}\u2026` : line;
  return `${i + 1}. ${example.id}: ${start}`;
}

function showExamples() {
  const { list, place, example } = chosenExample();
  byId("examples-body").hidden = !example;
  byId("examples-empty").hidden = Boolean(example);
  if (!example) return;
  fillSelect(byId("example-pick"), list.map((e, i) => [String(i + 1), exampleLabel(e, i)]),
    String(place));
  byId("example-back").disabled = place === 1;
  byId("example-next").disabled = place === list.length;
  byId("example-prompt").textContent = example.prompt;
  byId("example-gold").textContent = example.gold;
  const right = example.runs.filter((run) => run.correct).length;
  byId("example-tally").textContent = `by ${right} of ${example.runs.length} settings`;
  for (const side of ["a", "b"]) showAnswer(side, example);
}

function makeExamples() {
  for (const side of ["a", "b"]) {
    byId("answers").append(makeAnswer(side));
    wireTokens(side, byId(`answer-${side}-tokens`));
  }
  byId("example-pick").addEventListener("change", (event) => update({ example: event.target.value }));
  const step = (by) => () => update({ example: String(chosenExample().place + by) });
  byId("example-back").addEventListener("click", step(-1));
  byId("example-next").addEventListener("click", step(1));
  for (const writer of ["slm", "llm"]) {
    byId(`key-${writer}`).append(...[1, 0.75, 0.5, 0.25, 0].map((score) =>
      el("span", { class: `token ${writer}`, style: `--doubt: ${1 - score}` }, ` ${score} `)));
  }
}
