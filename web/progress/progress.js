// How far long work is: what `citer collect`, `train` and `eval` say on the terminal, with curves.

import { curve } from "./curve.js";
import { byId, duration, el, percent } from "./dom.js";

const interval = 1000;
const epoch = /^epoch +\d+/;

function longTime(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return duration(seconds);
  const parts = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return parts.slice(parts[0] > 0 ? 0 : 1).map((part, i) => (i > 0 ? String(part).padStart(2, "0") : part)).join(":");
}

function workCard({ what, unit, note, done, total, rate, points }) {
  const left = rate > 0 ? `${longTime((total - done) / rate)} left` : "time left not known";
  const speed = rate > 0 && rate < 0.5 ? `${(60 * rate).toFixed(1)} a minute` : `${rate.toFixed(1)} a second`;
  const told = done >= total && total > 0 ? "done" : `${speed}, ${left}`;
  return el("article", { class: "card" },
    el("h3", {}, what),
    el("p", { class: "figure" }, total > 0 ? percent(done / total) : String(done)),
    el("p", { class: "note" }, `${done} of ${total} ${unit}, ${told}`),
    note ? el("p", { class: "note" }, note) : null,
    curve(points, "slm", { top: total }));
}

/** Numbers by name out of notes such as "epoch 3  train loss 0.31  AUC 0.85": {name: [[note, value]]}. */
function series(notes) {
  const found = new Map();
  let step = 0;
  for (const note of notes.filter((each) => epoch.test(each))) {
    for (const [, name, value] of note.replace(epoch, "").matchAll(/([A-Za-z-]+(?: [A-Za-z-]+)*) (-?\d+(?:\.\d+)?)/g)) {
      if (!found.has(name)) found.set(name, []);
      found.get(name).push([step, Number(value)]);
    }
    ++step;
  }
  return found;
}

function show({ works, notes }) {
  byId("works").replaceChildren(...works.map(workCard).reverse());
  const curves = [...series(notes)].filter(([, points]) => points.length > 1);
  byId("curves-title").hidden = curves.length === 0;
  byId("curves").replaceChildren(...curves.map(([name, points]) => el("article", { class: "card" },
    el("h3", {}, name), el("p", { class: "figure" }, String(points.at(-1)[1])), curve(points, "llm"))));
  byId("notes-title").hidden = notes.length === 0;
  byId("notes").replaceChildren(...notes.map((note) => el("li", {}, note)));
  document.title = works.length > 0 ? `${percent(works.at(-1).done / Math.max(1, works.at(-1).total))} ${works.at(-1).what}` : "citer";
}

/** Until the program ends, and this page's server with it. */
async function look() {
  try {
    show(await (await fetch("progress", { cache: "no-store" })).json());
    byId("state").textContent = "at work";
    setTimeout(look, interval);
  } catch {
    byId("state").textContent = "the program has ended";
  }
}

look();
