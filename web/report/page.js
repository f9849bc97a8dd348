"use strict";

// Helpers over the document, and the page's state, which lives in the address: report.html#data=mc.
// Text enters as text nodes, never as markup: prompts and tokens may hold anything.

window.addEventListener("error", (event) => {
  document.documentElement.dataset.error = event.message;
  const problem = byId("problem");
  problem.hidden = false;
  problem.textContent = `A part of this report could not be drawn: ${event.message}`;
});

function byId(id) {
  return document.getElementById(id);
}

/** An element with attributes (null and false are left out) and children (nodes or text). */
function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null));
  return node;
}

/** A colour of the style sheet, as the theme in force has it. */
function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

const defaults = {
  data: "",          // name of a dataset
  cost: "share",     // share, bytes or time
  hide: "",          // policies not shown in charts, separated by commas
  intervals: "on",   // on or off
  points: "all",     // all, frontier or recommended
  sort: "",          // column of the operating points; "-" before it: descending
  bins: "",          // policy of the distribution
  example: "",       // number of the example within its dataset; "": one that routing puts right
  a: "",             // policy@threshold of the first answer
  b: "",             // and of the second
  theme: "auto",     // auto, light or dark
};

const state = { ...defaults };
let renderPage = () => {};

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1).replaceAll("+", "%2B"));
  for (const key of Object.keys(defaults)) state[key] = given.get(key) ?? defaults[key];
}

function writeAddress() {
  const changed = Object.entries(state).filter(([key, value]) => value !== defaults[key]);
  const text = changed.map(([key, value]) => `${key}=${encodeURIComponent(value)}`).join("&");
  try {
    history.replaceState(null, "", text ? `#${text}` : location.pathname);
  } catch {
    // Some embedders forbid it; the page works without.
  }
}

/** Changes the state as `change` says, and draws the page anew. */
function update(change) {
  Object.assign(state, change);
  writeAddress();
  renderPage();
}

function hiddenPolicies() {
  return new Set(state.hide.split(",").filter(Boolean));
}

function togglePolicy(policy) {
  const hidden = hiddenPolicies();
  if (!hidden.delete(policy)) hidden.add(policy);
  update({ hide: [...hidden].sort().join(",") });
}

/** Radio buttons for one key of the state, in the fieldset `id`; choices are [value, label]. */
function makeChoice(id, key, choices) {
  const field = byId(id);
  for (const [value, label] of choices) {
    const input = el("input", { type: "radio", name: key, value });
    input.addEventListener("change", () => update({ [key]: value }));
    field.append(el("label", {}, input, el("span", {}, label)));
  }
}

/** Makes the radio buttons show the state. */
function showChoices() {
  for (const input of document.querySelectorAll(".choice input")) {
    input.checked = state[input.name] === input.value;
  }
}

function fillSelect(select, choices, chosen) {
  select.replaceChildren(...choices.map(([value, label]) => el("option", { value }, label)));
  select.value = chosen;
}

/** Links within the page scroll and move the focus; the address is for the state. */
function wireLinks() {
  for (const link of document.querySelectorAll("[data-goto]")) {
    link.addEventListener("click", (event) => {
      event.preventDefault();
      const target = byId(link.dataset.goto);
      target.focus({ preventScroll: true });
      target.scrollIntoView();
    });
  }
}

const darkQuery = matchMedia("(prefers-color-scheme: dark)");

function applyTheme() {
  const dark = state.theme === "auto" ? darkQuery.matches : state.theme === "dark";
  document.documentElement.dataset.theme = dark ? "dark" : "light";
}
