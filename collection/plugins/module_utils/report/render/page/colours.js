// Colours come from the style sheet, so that dark, light and print need no second list.
const NAMED = { blue: "--v0", green: "--v1" };
const SLOTS = ["--v0", "--v1", "--v2", "--v3", "--v4", "--v5"];
const OUTCOMES = { ok: "--v0", not_sent: "--none", ports_exhausted: "--none", descriptors_exhausted: "--none" };
const REDS = ["--bad-fill", "--bad-2", "--bad-3"];
const taken = new Map();
const failures = [];

function css(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// A version keeps its colour on the whole page; one that is called blue is blue.
function versionVariable(name) {
  if (!taken.has(name)) {
    const used = new Set(taken.values());
    const free = SLOTS.filter((slot) => !used.has(slot));
    const wanted = NAMED[name.toLowerCase()];
    taken.set(name, wanted && !used.has(wanted) ? wanted : free[0] || SLOTS[taken.size % SLOTS.length]);
  }
  return taken.get(name);
}

// Failures are shades of red, in the order in which the page meets them.
function outcomeVariable(name) {
  if (OUTCOMES[name]) return OUTCOMES[name];
  if (!failures.includes(name)) failures.push(name);
  return REDS[failures.indexOf(name) % REDS.length];
}

function isDark() {
  return document.documentElement.dataset.theme === "dark";
}

function chooseTheme(theme) {
  document.documentElement.dataset.theme = theme;
}

const asked = window.matchMedia("(prefers-color-scheme: dark)");
chooseTheme(asked.matches ? "dark" : "light");
