// Copies a text. A page from disk may not use the clipboard in every browser: then the old command does it.
function copyOldWay(text) {
  const box = Object.assign(document.createElement("textarea"), { value: text, readOnly: true, className: "sr" });
  document.body.append(box);
  box.select();
  const done = document.execCommand("copy");
  box.remove();
  return done;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyOldWay(text);
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const name = button.textContent;
  button.addEventListener("click", async () => {
    const done = await copyText(document.getElementById(button.dataset.copy).textContent);
    button.textContent = done ? "Copied" : "Select it and press Ctrl+C";
    document.getElementById("copied").textContent = done ? "The patch is copied." : "The patch could not be copied.";
    button.focus();
    setTimeout(() => { button.textContent = name; }, 2500);
  });
}
