// Folded sections: a link, the address or print opens what it leads to. charts: called when something came in sight.
function foldsOf(element) {
  const folds = [];
  for (let at = element; at; at = at.parentElement) if (at.tagName === "DETAILS") folds.push(at);
  return folds;
}

function unfold(element) {
  for (const fold of foldsOf(element)) fold.open = true;
}

function openAddressed() {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  unfold(target);
  target.scrollIntoView();
}

addEventListener("hashchange", openAddressed);
for (const link of document.querySelectorAll("a[href^='#']")) {
  link.addEventListener("click", () => unfold(document.getElementById(link.hash.slice(1)))); // also where the address stays
}

let opened = [];
function openAll() {
  opened = [...document.querySelectorAll("details:not([open])")].filter((one) => !one.classList.contains("as-table"));
  for (const one of opened) one.open = true;
}

function closeAgain() {
  for (const one of opened) one.open = false;
}
