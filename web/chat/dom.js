// Helpers over the document. Text enters as text nodes, never as markup: tokens may hold anything.

export function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes (null and false are left out) and children (nodes or text). */
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

/** The chosen value of a group of radio buttons. */
export function chosen(name) {
  return document.querySelector(`input[name="${name}"]:checked`).value;
}

export function choose(name, value) {
  document.querySelector(`input[name="${name}"][value="${value}"]`).checked = true;
}

/** Says something to users of screen readers, once what they hear now is over. */
export function announce(text) {
  byId("status").textContent = text;
}

export function percent(share) {
  return `${(100 * share).toFixed(share > 0 && share < 0.0995 ? 1 : 0)} %`;
}

/** A score, with as many digits as tell it from 1: learned scores are close to it. */
export function scoreText(score) {
  return score.toFixed(score > 0.999 && score < 1 ? 6 : 3);
}

/** Seconds, in a unit that suits them. */
export function duration(seconds) {
  if (seconds < 0.0995) return `${(1000 * seconds).toFixed(seconds < 0.00995 ? 1 : 0)} ms`;
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`;
}
