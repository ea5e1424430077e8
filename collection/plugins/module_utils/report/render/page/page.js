// Puts the page together: colours of names, timelines, the distribution, theme and print.
const data = JSON.parse(document.getElementById("data").textContent);
for (const key of document.querySelectorAll("[data-colour]")) key.style.background = `var(${versionVariable(key.dataset.colour)})`;
for (const key of document.querySelectorAll("[data-outcome]")) key.style.background = `var(${outcomeVariable(key.dataset.outcome)})`;

// By variant: the one that the page begins with stands first, wherever it was measured.
const timelines = [];
for (const article of document.querySelectorAll("[data-timeline]")) {
  const i = Number(article.dataset.timeline);
  timelines[i] = new Timeline(article, data.variants[i], i);
}
const distribution = drawDistribution(document.getElementById("distribution"), data.variants);

for (const button of document.querySelectorAll("[data-show]")) {
  button.addEventListener("click", () => {
    const timeline = timelines[Number(button.dataset.show)];
    unfold(timeline.article);
    timeline.look(Number(button.dataset.from), Number(button.dataset.to));
    timeline.article.scrollIntoView({ block: "start" });
    timeline.box.focus({ preventScroll: true });
  });
}

function redraw() {
  for (const timeline of timelines) timeline.redraw();
  if (distribution) distribution.redraw(false);
}

function theme(name) {
  chooseTheme(name);
  redraw();
}

document.getElementById("theme").addEventListener("click", () => theme(isDark() ? "light" : "dark"));
asked.addEventListener("change", (event) => theme(event.matches ? "dark" : "light"));

function fit(width) {
  for (const timeline of timelines) timeline.fit(width);
  const box = document.getElementById("distribution");
  if (distribution) distribution.setSize({ width: width || innerWidthOf(box), height: distribution.height });
}

let pending = 0;
addEventListener("resize", () => {
  cancelAnimationFrame(pending);
  pending = requestAnimationFrame(() => fit());
});

// A chart cannot measure itself while it is folded away.
for (const one of document.querySelectorAll("details.fold")) one.addEventListener("toggle", () => { if (one.open) fit(); });
openAddressed();

// Paper is white and narrow: print light, and bring the screen's look back afterwards.
let before = "light";
addEventListener("beforeprint", () => { before = document.documentElement.dataset.theme; theme("light"); openAll(); fit(640); });
addEventListener("afterprint", () => { theme(before); closeAgain(); fit(); });
document.documentElement.dataset.ready = "yes";
