// Tables: cut where they are long, and with the name of its column on each cell, which a phone shows as a card.
const SHOWN_ROWS = 20;

for (const table of document.querySelectorAll("main table")) {
  const names = [...table.querySelectorAll("thead th")].map((cell) => cell.textContent.trim());
  const rows = [...table.querySelectorAll("tbody tr")];
  for (const row of rows) [...row.cells].forEach((cell, i) => { cell.dataset.label = names[i] || ""; });
  table.dataset.cards = "";
  if (rows.length <= SHOWN_ROWS + 2) continue; // a button for two rows is no gain
  rows.slice(SHOWN_ROWS).forEach((row) => row.classList.add("rest"));
  table.classList.add("cut");
  const button = Object.assign(document.createElement("button"), { type: "button", className: "show-all" });
  const tell = () => {
    const cut = table.classList.contains("cut");
    button.textContent = cut ? `Show all ${rows.length.toLocaleString("en")} rows` : `Show the first ${SHOWN_ROWS}`;
    button.setAttribute("aria-expanded", String(!cut));
  };
  tell();
  button.addEventListener("click", () => { table.classList.toggle("cut"); tell(); });
  (table.closest(".scroll") || table).after(button);
}
