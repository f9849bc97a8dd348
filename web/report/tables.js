// Heading, tiles and tables.

/** The model's file without folder and ending: usually what people call it. */
function modelName(model) {
  const stem = model.path.split(/[\\/]/).pop().replace(/\.gguf$/i, "");
  return stem || model.description;
}

/** A model's name and size: bundled pairs may well be called "slm" and "llm". */
function sizedName(model) {
  return `${modelName(model)} (${parametersText(model.parameters)})`;
}

function listText(names) {
  return names.length < 2 ? names.join() : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}

function showHeading() {
  const data = datasets.length > 1 ? datasets.filter((name) => name !== "all") : datasets;
  const title = `${sizedName(report.slm)} with ${sizedName(report.llm)}, on ${listText(data)}`;
  byId("title").textContent = title;
  document.title = `${title} ${kDash} citer evaluation`;
  byId("incomplete").hidden = report.complete;
  const rows = [["Small (SLM)", report.slm], ["Large (LLM)", report.llm]].map(([role, model]) =>
    el("tr", {}, el("th", { scope: "row" }, role), el("td", {}, model.description),
      el("td", { class: "number" }, parametersText(model.parameters)),
      el("td", { class: "number" }, bytesText(model.bytes)),
      el("td", { class: "path" }, model.path)));
  byId("models").tBodies[0].replaceChildren(...rows);
}

function tile(label, value, detail) {
  return el("div", { class: "tile" }, el("dt", {}, label),
    el("dd", {}, el("b", {}, value), el("span", {}, detail)));
}

function aloneTile(label, run) {
  return tile(label, withSign(run.accuracy),
    `${percent(run.accuracy_low)} to ${withSign(run.accuracy_high)} of ${integer(run.n)} examples`);
}

function bestTile(data) {
  const label = "Least LLM share for 99 % of its accuracy";
  const [slm, llm] = [runOf(data, "slm"), runOf(data, "llm")];
  if (slm && slm.accuracy >= kEnough * llm.accuracy) {
    return tile(label, withSign(0), "the SLM alone is accurate enough");
  }
  const run = bestRun(data);
  if (!run) return tile(label, kDash, "no setting gets there");
  return tile(label, withSign(run.llm_share), `${settingText(run)}: ${withSign(run.accuracy)} right, ` +
    `${withSign(relative(run, "bytes_moved"))} of the bytes`);
}

function curveTile(data) {
  const curves = report.curves.filter((curve) => curve.data === data && isUsable(curve.policy));
  const best = curves.sort((a, b) => b.apgr - a.apgr)[0];
  if (!best) return null;
  const rest = curves.find((curve) => curve.policy === "random");
  return tile("Best curve (APGR)", fixed(best.apgr, 3),
    rest && rest !== best ? `${best.policy}; random gets ${fixed(rest.apgr, 3)}` : best.policy);
}

function showTiles() {
  const [slm, llm] = [runOf(state.data, "slm"), runOf(state.data, "llm")];
  const tiles = [
    slm ? aloneTile("Accuracy, SLM alone", slm) : null,
    llm ? aloneTile("Accuracy, LLM alone", llm) : null,
    llm ? bestTile(state.data) : null,
    curveTile(state.data),
  ];
  byId("tiles").replaceChildren(...tiles.filter(Boolean));
}

function policyCell(policy, ...more) {
  return el("th", { scope: "row" },
    el("span", { class: "policy" }, symbol(policy), policyLabel(policy)), ...more);
}

const kNumber = { class: "number" };

/** Columns of the operating points: [key, heading, value to sort by, text]. */
const kPointColumns = [
  ["policy", "Policy", (run) => policies.indexOf(run.policy)],
  ["threshold", "Threshold", (run) => isUsable(run.policy) ? run.threshold : null, thresholdText],
  ["accuracy", "Accuracy, %", (run) => run.accuracy, percent],
  ["interval", "95 % interval", (run) => run.accuracy_low, (_, run) => intervalText(run)],
  ["share", "LLM share, %", (run) => run.llm_share, percent],
  ["bytes", "Bytes, % of LLM", (run) => relative(run, "bytes_moved"), percent],
  ["flops", "Operations, % of LLM", (run) => relative(run, "flops"), percent],
  ["time", "Time, % of LLM", (run) => relative(run, "wall_seconds"), percent],
  ["rate", "Tokens/s", (run) => run.tokens_per_second, rateText],
  ["p95", "p95 latency, s", (run) => run.latency_p95, (s) => s.toPrecision(3)],
  ["p", "p beside LLM", (run) => run.policy === "llm" ? null : run.p_value_beside_llm, pValueText],
];

function makePointsHead() {
  const cells = kPointColumns.map(([key, heading]) => {
    const button = el("button", { type: "button" }, heading);
    button.addEventListener("click", () => update({ sort: state.sort === key ? `-${key}` : key }));
    return el("th", { scope: "col", "data-key": key, class: key === "policy" ? null : "number" },
      button);
  });
  byId("points-table").tHead.append(el("tr", {}, cells));
}

/** Rows in the order asked for; missing values come last. Without an order: as they were run. */
function sortedRuns(runs) {
  const descending = state.sort.startsWith("-");
  const column = kPointColumns.find(([key]) => key === state.sort.replace(/^-/, ""));
  if (!column) return runs;
  const value = column[2];
  const before = (a, b) => {
    if (value(a) == null || value(b) == null) return (value(a) == null) - (value(b) == null);
    return descending ? value(b) - value(a) : value(a) - value(b);
  };
  return [...runs].sort(before);
}

function pointRow(run, recommended) {
  const cells = kPointColumns.slice(1).map(([, , value, text]) =>
    el("td", kNumber, value(run) == null ? kDash : text(value(run), run)));
  const badge = recommended ? [" ", el("span", { class: "badge" }, "recommended")] : [];
  return el("tr", { class: recommended ? "recommended" : null },
    policyCell(run.policy, ...badge), cells);
}

function showPoints() {
  const recommended = new Set(recommendedRuns(state.data).values());
  const frontier = frontierRuns(state.data, state.cost);
  const wanted = { all: () => true, frontier: (run) => frontier.has(run),
    recommended: (run) => recommended.has(run) }[state.points] ?? (() => true);
  const runs = sortedRuns(runsOf(state.data).filter(wanted));
  const table = byId("points-table");
  table.tBodies[0].replaceChildren(...runs.map((run) => pointRow(run, recommended.has(run))));
  byId("points-empty").hidden = runs.length > 0;
  for (const cell of table.tHead.rows[0].cells) {
    const order = { [cell.dataset.key]: "ascending", [`-${cell.dataset.key}`]: "descending" };
    cell.setAttribute("aria-sort", order[state.sort] ?? "none");
  }
}

function headRow(headings) {
  return el("tr", {}, headings.map((heading, i) =>
    el("th", { scope: "col", class: i ? "number" : null }, heading)));
}

function makePlainHeads() {
  byId("figures-table").tHead.append(headRow(["Policy", "APGR", "CPT 50, %", "CPT 80, %",
    "CPT 95, %", "CPT 99, %", "LLM share at 99 % of accuracy, %", "Beside the LLM there, points"]));
  byId("calibration-table").tHead.append(headRow(["Policy", "Expected calibration error",
    "Separation", "Mean score", "The LLM agreed, %", "Tokens compared"]));
  byId("bins-table").tHead.append(headRow(["Score", "Tokens", "Compared", "Mean score",
    "The LLM agreed, %"]));
}

function showFigures() {
  const curves = report.curves.filter((curve) => curve.data === state.data);
  byId("figures-table").tBodies[0].replaceChildren(...curves.map((curve) => {
    const shares = [curve.cpt50, curve.cpt80, curve.cpt95, curve.cpt99];
    return el("tr", {}, policyCell(curve.policy), el("td", kNumber, fixed(curve.apgr, 3)),
      shares.map((share) => el("td", kNumber, percent(share))),
      ["llm_share_at_99_percent_accuracy", "beside_llm_there"].map((field) =>
        el("td", kNumber, withInterval(curve, field))));
  }));
  byId("figures-table").parentElement.hidden = curves.length === 0;
  byId("figures-empty").hidden = curves.length > 0;
}

function showCalibrationTable(list) {
  byId("calibration-table").tBodies[0].replaceChildren(...list.map((scores) => {
    const audited = sum(scores.audited);
    const mean = (total) => audited ? total / audited : null;
    return el("tr", {}, policyCell(scores.policy), el("td", kNumber, fixed(calibrationError(scores), 3)),
      el("td", kNumber, fixed(separation(scores), 3)),
      el("td", kNumber, fixed(mean(sum(scores.score_sum)), 3)),
      el("td", kNumber, percent(mean(sum(scores.agreed)))), el("td", kNumber, integer(audited)));
  }));
}

function showBinsTable(scores) {
  const audited = new Map(auditedBins(scores).map((bin) => [bin.bin, bin]));
  byId("bins-table").tBodies[0].replaceChildren(...scores.tokens.map((tokens, bin) => {
    const found = audited.get(bin);
    return el("tr", {}, el("th", { scope: "row" }, binRange(bin)), el("td", kNumber, integer(tokens)),
      el("td", kNumber, integer(scores.audited[bin])), el("td", kNumber, fixed(found?.score, 3)),
      el("td", kNumber, percent(found?.agreement)));
  }));
}

function showScores() {
  const list = report.scores.filter((s) => s.data === state.data && sum(s.tokens) > 0);
  list.sort((a, b) => policies.indexOf(a.policy) - policies.indexOf(b.policy));
  for (const id of ["score-charts", "calibration-scroll", "bins-details"]) {
    byId(id).hidden = !list.length;
  }
  byId("scores-empty").hidden = list.length > 0;
  if (!list.length) return;
  const chosen = list.find((s) => s.policy === state.bins) ?? list[0];
  fillSelect(byId("bins-policy"), list.map((s) => [s.policy, s.policy]), chosen.policy);
  showCalibration(list);
  showClaims();
  showBins(chosen);
  showCalibrationTable(list);
  showBinsTable(chosen);
}
