// The list of runs needs no script but for its theme.
document.getElementById("theme").addEventListener("click", () => chooseTheme(isDark() ? "light" : "dark"));
asked.addEventListener("change", (event) => chooseTheme(event.matches ? "dark" : "light"));
