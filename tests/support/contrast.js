// Contrast of a text to what is behind it, as WCAG 2 defines it: contrast(element). For the tests of both
// pages, which put it before their scripts.
const parse = (colour) => {
  const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
  return { rgb: [r, g, b], a };
};
const over = (top, below) => top.rgb.map((c, i) => c * top.a + below[i] * (1 - top.a));
const backdrop = (node) => {
  if (!node) return [255, 255, 255];
  const own = parse(getComputedStyle(node).backgroundColor);
  return own.a === 1 ? own.rgb : over(own, backdrop(node.parentElement));
};
const luminance = (rgb) => {
  const [r, g, b] = rgb.map((c) => c / 255)
    .map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
};
const contrast = (node) => {
  const below = backdrop(node);
  const pair = [over(parse(getComputedStyle(node).color), below), below].map(luminance).sort((a, b) => b - a);
  return (pair[0] + 0.05) / (pair[1] + 0.05);
};
