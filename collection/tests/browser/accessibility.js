// What an audit of accessibility asks of a page, of every element that is in sight. Returns what is wrong, in words.
const found = [];
const wrong = (what, element) => found.push(`${what}: ${element.outerHTML.slice(0, 140)}`);
const inSight = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest(".sr, .skip");
const all = (selector) => [...document.querySelectorAll(selector)];
const textOf = (id) => (document.getElementById(id) || { textContent: "" }).textContent.trim();
const nameOf = (element) =>
  (element.getAttribute("aria-labelledby") || "").split(" ").map(textOf).join(" ").trim()
  || (element.getAttribute("aria-label") || "").trim() || element.innerText.trim() || (element.title || "").trim();

if (!document.documentElement.lang) found.push("no language");
if (!document.title.trim()) found.push("no title");
if (!document.querySelector("meta[name=viewport]")) found.push("no viewport");
if (all("main").length !== 1) found.push("not one main");
if (all("h1").length !== 1) found.push("not one h1");

let level = 0;
for (const heading of all("h1, h2, h3, h4, h5, h6")) {
  const own = Number(heading.tagName[1]);
  if (own > level + 1) wrong(`heading after level ${level}`, heading);
  if (!heading.textContent.trim()) wrong("empty heading", heading);
  level = own;
}

const ids = all("[id]").map((element) => element.id);
for (const id of new Set(ids.filter((one, i) => ids.indexOf(one) !== i))) found.push(`id twice: ${id}`);
for (const attribute of ["aria-labelledby", "aria-describedby", "aria-controls"]) {
  for (const element of all(`[${attribute}]`)) {
    for (const id of element.getAttribute(attribute).split(" ")) if (!document.getElementById(id)) wrong(`${attribute} of nothing`, element);
  }
}
for (const link of all("a[href^='#']")) if (!document.getElementById(link.hash.slice(1))) wrong("link to nothing", link);

for (const element of all("button, a[href], summary, input, select, [tabindex], [role=region], [role=group], [role=toolbar], [role=img], img, svg")) {
  if (element.closest(".u-wrap, [aria-hidden=true]") || !element.checkVisibility()) continue;
  if (!nameOf(element) && !element.closest("[role=img]")) wrong("no name", element);
}
for (const canvas of all("canvas")) if (!canvas.closest("[aria-label]")) wrong("chart without a text", canvas);
for (const cell of all("thead th, tbody th")) if (!cell.scope) wrong("header cell without a scope", cell);
for (const element of all("[tabindex]")) if (element.tabIndex > 0) wrong("its own order of focus", element);

// Contrast as it is computed: the text's colour over all backgrounds under it.
const painter = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
function painted(colours) {
  painter.clearRect(0, 0, 1, 1);
  for (const colour of colours) {
    painter.fillStyle = colour;
    painter.fillRect(0, 0, 1, 1);
  }
  return [...painter.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
function luminance(rgb) {
  const [r, g, b] = rgb.map((part) => part / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}
for (const element of all("body *")) {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  if (!own || !inSight(element) || element.closest("script, style, noscript, svg, .u-wrap")) continue;
  const grounds = [];
  for (let at = element; at; at = at.parentElement) grounds.unshift(getComputedStyle(at).backgroundColor);
  const style = getComputedStyle(element);
  const ground = painted(["white", ...grounds]);
  const [low, high] = [luminance(ground), luminance(painted(["white", ...grounds, style.color]))].sort((a, b) => a - b);
  const ratio = (high + 0.05) / (low + 0.05);
  if (ratio < 4.5) wrong(`contrast ${ratio.toFixed(2)} in ${document.documentElement.dataset.theme}`, element);
}
if (document.documentElement.scrollWidth > innerWidth) found.push(`scrolls sideways: ${document.documentElement.scrollWidth} in ${innerWidth}`);
return found;
