// Charts, by Chart.js, and their legends.

const charts = new Map();  // canvas id -> Chart

// Chart.js's own point styles. Shapes that are mere strokes need a border.
const kPointStyles = {
  circle: "circle", square: "rect", triangle: "triangle", down: "triangle", diamond: "rectRot",
  cross: "crossRot", plus: "cross", star: "star",
};

// The same shapes in a box of 16 x 16, for legends and tables.
const kShapePaths = {
  circle: "M8 3.5a4.5 4.5 0 1 0 .01 0Z",
  square: "M4 4h8v8H4Z",
  triangle: "M8 3l5.2 9H2.8Z",
  down: "M8 13l5.2 -9H2.8Z",
  diamond: "M8 2.6L13.4 8L8 13.4L2.6 8Z",
  cross: "M4 4l8 8M12 4l-8 8",
  plus: "M8 2.5v11M2.5 8h11",
  star: "M8 2.5v11M2.5 8h11M4.2 4.2l7.6 7.6M11.8 4.2l-7.6 7.6",
};

const colourName = (policy) => `--p${looks.get(policy).slot}`;

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** A policy's point on its line. */
function symbol(policy) {
  const look = looks.get(policy);
  const line = svg("path",
    { d: "M-8 8h32", "stroke-dasharray": look.dash.join(" "), "stroke-width": 2 });
  const point = svg("path", { d: kShapePaths[look.shape], "stroke-width": 1.8,
    class: look.filled ? "filled" : "hollow" });
  return svg("svg", { class: "symbol", viewBox: "-8 0 32 16", width: 32, height: 16,
    "aria-hidden": "true", style: `--colour: var(${colourName(policy)})` },
  ...(policy === "oracle" ? [] : [line]), point);
}

/** Buttons that show and hide policies; kept, and with them the focus, while the policies stay. */
function showLegend(id, shown) {
  const box = byId(id);
  if (box.dataset.policies !== shown.join()) {
    box.dataset.policies = shown.join();
    box.replaceChildren(...shown.map((policy) => {
      const button = el("button", { type: "button", "data-policy": policy },
        symbol(policy), policyLabel(policy));
      button.addEventListener("click", () => togglePolicy(policy));
      return button;
    }));
  }
  const hidden = hiddenPolicies();
  for (const button of box.children) {
    button.setAttribute("aria-pressed", String(!hidden.has(button.dataset.policy)));
  }
}

/** Draws or redraws the chart of a canvas. */
function showChart(id, config, label) {
  byId(id).setAttribute("aria-label", label);
  const chart = charts.get(id);
  if (!chart) {
    charts.set(id, new Chart(byId(id), config));
    return;
  }
  chart.data = config.data;
  chart.options = config.options;
  chart.update();
}

function axis(title, extra = {}) {
  return {
    title: { display: true, text: title, color: css("--muted"), font: { size: 13 } },
    grid: { color: css("--grid"), borderColor: css("--line"), tickColor: css("--line") },
    ticks: { color: css("--muted"), maxRotation: 0 },
    ...extra,
  };
}

function chartOptions(x, y, tooltip) {
  return {
    animation: false,
    responsive: true,
    maintainAspectRatio: false,
    font: { family: css("--font") },
    interaction: { mode: "nearest", axis: "xy", intersect: false },
    scales: { x, y },
    plugins: {
      legend: { display: false },
      tooltip: {
        backgroundColor: css("--tip"), titleColor: css("--tip-text"), bodyColor: css("--tip-text"),
        padding: 10, cornerRadius: 4, boxPadding: 6, usePointStyle: true, displayColors: false,
        ...tooltip,
      },
    },
  };
}

function policyDataset(policy, data) {
  const look = looks.get(policy);
  const colour = css(colourName(policy));
  const strokes = ["cross", "plus", "star"].includes(look.shape);
  return {
    label: policyLabel(policy), policy, data, clip: 8,
    borderColor: colour, borderWidth: 2, borderDash: look.dash,
    pointStyle: kPointStyles[look.shape], pointRotation: look.shape === "down" ? 180 : 0,
    pointRadius: strokes ? 5 : 4.5, pointHoverRadius: 7,
    pointBorderColor: colour, pointBorderWidth: look.filled ? 1 : 2, pointHoverBorderWidth: 2,
    pointBackgroundColor: look.filled ? colour : css("--surface"),
  };
}

/** Vertical bars from raw.low to raw.high. */
const intervalBars = {
  id: "intervalBars",
  beforeDatasetsDraw(chart) {
    if (state.intervals === "off") return;
    const { ctx, scales: { y } } = chart;
    ctx.save();
    ctx.lineWidth = 1;
    ctx.globalAlpha = 0.5;
    for (const meta of chart.getSortedVisibleDatasetMetas()) {
      ctx.strokeStyle = meta.dataset.options.borderColor;
      meta.data.forEach((point, i) => {
        const { low, high } = chart.data.datasets[meta.index].data[i];
        const [top, bottom] = [y.getPixelForValue(high), y.getPixelForValue(low)];
        ctx.beginPath();
        for (const end of [top, bottom]) {
          ctx.moveTo(point.x - 3, end);
          ctx.lineTo(point.x + 3, end);
        }
        ctx.moveTo(point.x, top);
        ctx.lineTo(point.x, bottom);
        ctx.stroke();
      });
    }
    ctx.restore();
  },
};

/** Horizontal lines with a label: {y, text, colour, dash, below, right}. */
const levelLines = {
  id: "levelLines",
  beforeDatasetsDraw(chart) {
    const { ctx, chartArea: { left, right }, scales: { y } } = chart;
    ctx.save();
    ctx.font = `12px ${css("--font")}`;
    ctx.lineJoin = "round";
    for (const line of levels(state.data)) {
      const at = y.getPixelForValue(line.y);
      ctx.strokeStyle = ctx.fillStyle = line.colour;
      ctx.lineWidth = 1.5;
      ctx.setLineDash(line.dash);
      ctx.beginPath();
      ctx.moveTo(left, at);
      ctx.lineTo(right, at);
      ctx.stroke();
      ctx.setLineDash([]);
      ctx.textAlign = line.right ? "right" : "left";
      ctx.textBaseline = line.below ? "top" : "bottom";
      const place = [line.right ? right - 6 : left + 6, at + (line.below ? 4 : -4)];
      ctx.strokeStyle = css("--surface");
      ctx.lineWidth = 4;
      ctx.strokeText(line.text, ...place);
      ctx.fillText(line.text, ...place);
    }
    ctx.restore();
  },
};

function levels(data) {
  const hidden = hiddenPolicies();
  const [slm, llm] = ["slm", "llm"].map((p) => hidden.has(p) ? undefined : runOf(data, p));
  const lines = [];
  if (slm) {
    lines.push({ y: 100 * slm.accuracy, text: `SLM alone ${withSign(slm.accuracy)}`,
      colour: css("--psmall"), dash: [], below: true, right: true });
  }
  if (llm) {
    lines.push({ y: 100 * llm.accuracy, text: `LLM alone ${withSign(llm.accuracy)}`,
      colour: css("--plarge"), dash: [], below: false, right: false });
    lines.push({ y: 100 * kEnough * llm.accuracy, text: "99 % of the LLM's",
      colour: css("--muted"), dash: [2, 4], below: true, right: false });
  }
  return lines;
}

function curvePoints(data, policy, cost) {
  return runsOf(data)
    .filter((run) => run.policy === policy && costOf(run, cost) !== null)
    .sort((a, b) => a.threshold - b.threshold)
    .map((run) => ({ x: 100 * costOf(run, cost), y: 100 * run.accuracy,
      low: 100 * run.accuracy_low, high: 100 * run.accuracy_high, run }));
}

function pointLines(run) {
  return [
    `Accuracy ${withSign(run.accuracy)} (${intervalText(run)})`,
    `LLM share ${withSign(run.llm_share)}`,
    `Bytes moved ${withSign(relative(run, "bytes_moved"))} of the LLM's`,
    `Time ${withSign(relative(run, "wall_seconds"))} of the LLM's`,
  ];
}

/** The least range of whole fives that holds all intervals. */
function accuracyRange(runs) {
  if (!runs.length) return { min: 0, max: 100 };
  const low = Math.min(...runs.map((run) => run.accuracy_low));
  const high = Math.max(...runs.map((run) => run.accuracy_high));
  return { min: Math.max(0, 5 * Math.floor(20 * low - 0.2)),
    max: Math.min(100, 5 * Math.ceil(20 * high + 0.2)) };
}

function showCurves() {
  const { data, cost } = state;
  const shown = unique(runsOf(data).map((run) => run.policy));
  const hidden = hiddenPolicies();
  const sets = shown.filter((policy) => !hidden.has(policy))
    .map((policy) => policyDataset(policy, curvePoints(data, policy, cost)));
  const options = chartOptions(
    axis(kCosts[cost].axis, { type: "linear", min: 0, suggestedMax: 100 }),
    axis("Accuracy, %", accuracyRange(runsOf(data))),
    { callbacks: {
      title: (items) => items.length ? settingText(items[0].raw.run) : "",
      label: (item) => pointLines(item.raw.run),
    } });
  options.layout = { padding: { top: 18 } };  // the LLM's label stands above its line
  showLegend("curve-legend", shown);
  byId("cost-note").textContent = kCosts[cost].note;
  byId("intervals").checked = state.intervals !== "off";
  showChart("curve-chart",
    { type: "line", data: { datasets: sets }, options, plugins: [levelLines, intervalBars] },
    `Accuracy against ${kCosts[cost].label} on ${data}: ${sum(sets.map((s) => s.data.length))} ` +
    `settings of ${sets.length} policies. The tables below hold the numbers.`);
}

/** Bins of fewer tokens say too little to be drawn. */
const kFewTokens = 10;

const kUnit = { type: "linear", min: 0, max: 1 };

/** Where a score keeps its word. */
function diagonal() {
  return { label: "perfect", data: [{ x: 0, y: 0 }, { x: 1, y: 1 }], pointRadius: 0,
    pointHitRadius: 0, borderColor: css("--muted"), borderWidth: 1, borderDash: [4, 4], order: 9 };
}

/** Points {x, y, size, lines}: larger ones hold more, lines are what the tooltip says. */
function reliabilityDataset(policy, points) {
  const most = Math.max(...points.map(({ size }) => size));
  return { ...policyDataset(policy, points),
    pointRadius: points.map(({ size }) => 2.5 + 4.5 * Math.sqrt(size / most)) };
}

/** Scores against what they are held against: `list` has [policy, points], `label` says how many are drawn. */
function showReliability(name, outcome, list, label) {
  const hidden = hiddenPolicies();
  const sets = list.filter(([policy]) => !hidden.has(policy))
    .map(([policy, points]) => reliabilityDataset(policy, points));
  const options = chartOptions(axis("Mean score", kUnit), axis(outcome, kUnit), {
    filter: (item) => Boolean(item.raw.lines),
    callbacks: {
      title: (items) => items.length ? items[0].dataset.label : "",
      label: (item) => item.raw.lines,
    },
  });
  showLegend(`${name}-legend`, list.map(([policy]) => policy));
  showChart(`${name}-chart`, { type: "line", data: { datasets: [...sets, diagonal()] }, options },
    label(sets.length));
}

function showCalibration(list) {
  const points = (scores) => auditedBins(scores).filter((bin) => bin.audited >= kFewTokens)
    .map((bin) => ({ x: bin.score, y: bin.agreement, size: bin.audited,
      lines: [`Mean score ${fixed(bin.score, 3)}`, `Agreed ${withSign(bin.agreement)}`,
        `${integer(bin.audited)} tokens`] }));
  showReliability("calibration", "The LLM agreed", list.map((scores) => [scores.policy, points(scores)]),
    (n) => `Calibration of ${n} policies on ${state.data}. The tables below hold the numbers.`);
}

/** Bins of positions that lie next to each other by score: {share, score, outcome}, share cumulative. */
function showClaims() {
  const claims = Object.entries(report.claims ?? {});
  byId("claims").hidden = claims.length === 0;
  if (claims.length === 0) return;
  const points = (bins) => bins.map((bin, i) => {
    const part = bin.share - (i ? bins[i - 1].share : 0);
    return { x: bin.score, y: bin.outcome, size: part,
      lines: [`Mean score ${fixed(bin.score, 3)}`, `Labelled good enough ${withSign(bin.outcome)}`,
        `${withSign(part)} of the positions`] };
  });
  showReliability("claims", "Labelled good enough", claims.map(([policy, bins]) => [policy, points(bins)]),
    (n) => `What the scores of ${n} learned policies claim, on positions held out in training.`);
}

/** The distribution's parts: [label, part of a bin with this agreement (null: unknown), colour]. */
const kBinParts = [
  ["The LLM agrees", (agreement) => agreement ?? 0, "--agreed"],
  ["The LLM differs", (agreement) => agreement === null ? 0 : 1 - agreement, "--differed"],
  ["Not known", (agreement) => agreement === null ? 1 : 0, "--unknown"],
];

function binAgreement(scores, bin) {
  return scores.audited[bin] ? scores.agreed[bin] / scores.audited[bin] : null;
}

function binRange(bin) {
  return `${(bin / kBins).toFixed(2)}${kDash}${((bin + 1) / kBins).toFixed(2)}`;
}

function showBins(scores) {
  const bins = [...Array(kBins).keys()];
  const options = chartOptions(
    axis("Score", { type: "linear", stacked: true, min: 0, max: 1, offset: false }),
    axis("Tokens", { stacked: true, beginAtZero: true }),
    { callbacks: { title: (items) => items.length ? `Score ${binRange(items[0].dataIndex)}` : "",
      label: (item) => `${item.dataset.label}: ${integer(Math.round(item.raw.y))}` } });
  options.interaction = { mode: "index", intersect: false };
  const sets = kBinParts.map(([label, part, colour]) => ({
    label, backgroundColor: css(colour),
    data: bins.map((bin) => ({ x: (bin + 0.5) / kBins,
      y: scores.tokens[bin] * part(binAgreement(scores, bin)) })),
    borderColor: css("--surface"), borderWidth: { top: 1 }, barPercentage: 1,
    categoryPercentage: 0.9,
  }));
  showChart("bins-chart", { type: "bar", data: { datasets: sets }, options },
    `Scores of ${scores.policy} on ${state.data} in ${kBins} bins. The table below holds the numbers.`);
  byId("bins-note").textContent = `Tokens by score, ${scores.policy} at threshold ` +
    `${thresholdText(scores.threshold)}, its lowest. The colours are estimated from the ` +
    `${integer(sum(scores.audited))} tokens by the SLM that were compared with the LLM's.`;
}

function makeBinsLegend() {
  byId("bins-legend").append(...kBinParts.map(([label, , colour]) =>
    el("span", { class: "entry" },
      el("span", { class: "box", style: `--colour: var(${colour})` }), label)));
}
