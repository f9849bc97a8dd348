// A small curve, to be told apart from others by its title: it has no words of its own.

const width = 240;
const height = 48;

const svg = (tag, attributes) => {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
};

/** Through `points` [x, y], x rising from 0; a y of null leaves a gap. `colour` is slm or llm. */
export function curve(points, colour, { right = points.at(-1)?.[0], top = null } = {}) {
  const values = points.map(([, y]) => y).filter((y) => y !== null);
  const highest = top ?? Math.max(1e-9, ...values);
  const chart = svg("svg", { viewBox: `0 0 ${width} ${height}`, class: `curve ${colour}`, "aria-hidden": "true", preserveAspectRatio: "none" });
  const place = ([x, y]) => {
    const across = (x * width) / Math.max(right, 1e-9);
    const down = height - 2 - (height - 4) * Math.min(1, y / highest);
    return `${across.toFixed(1)} ${down.toFixed(1)}`;
  };
  let path = "";
  points.forEach((point, i) => {
    if (point[1] === null) return;
    path += `${i > 0 && points[i - 1][1] !== null ? "L" : "M"}${place(point)}`;
  });
  chart.append(svg("path", { d: path, "vector-effect": "non-scaling-stroke" }));
  return chart;
}
