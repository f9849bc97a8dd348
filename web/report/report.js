// Puts the page together.

function checkState() {
  if (!datasets.includes(state.data)) state.data = datasets[0] ?? "";
  if (!(state.cost in kCosts) || !runOf(state.data, "llm")) state.cost = "share";
  if (!["all", "frontier", "recommended"].includes(state.points)) state.points = "all";
  if (!["auto", "light", "dark"].includes(state.theme)) state.theme = "auto";
}

function makePage() {
  makeChoice("theme-choice", "theme", [["auto", "Auto"], ["light", "Light"], ["dark", "Dark"]]);
  makeChoice("data-choice", "data", datasets.map((name) => [name, name]));
  makeChoice("cost-choice", "cost", Object.entries(kCosts).map(([key, cost]) => [key, cost.label]));
  makeChoice("points-choice", "points",
    [["all", "All"], ["frontier", "Frontier"], ["recommended", "Recommended"]]);
  makePointsHead();
  makePlainHeads();
  makeBinsLegend();
  makeExamples();
  byId("intervals").addEventListener("change",
    (event) => update({ intervals: event.target.checked ? "on" : "off" }));
  byId("bins-policy").addEventListener("change", (event) => update({ bins: event.target.value }));
  wireLinks();
  showHeading();
}

renderPage = () => {
  checkState();
  applyTheme();
  showChoices();
  byId("cost-choice").hidden = !runOf(state.data, "llm");
  showTiles();
  showCurves();
  showFigures();
  showPoints();
  showScores();
  showExamples();
};

function start() {
  Chart.defaults.font.family = css("--font");
  readAddress();
  makePage();
  renderPage();
  darkQuery.addEventListener("change", renderPage);
  window.addEventListener("hashchange", () => {
    readAddress();
    renderPage();
  });
}

start();
