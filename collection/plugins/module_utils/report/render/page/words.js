// Numbers in the words of the rest of the page.
function thousands(value) {
  return Math.round(value).toLocaleString("en");
}

function clock(seconds, step) {
  const sign = seconds < 0 ? "−" : "";
  const digits = step < 1 ? 1 : 0;
  const whole = Number(Math.abs(seconds).toFixed(digits));
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  const rest = (whole % 60).toFixed(digits).padStart(digits ? 4 : 2, "0");
  return sign + (hours ? `${hours}:${String(minutes).padStart(2, "0")}` : minutes) + `:${rest}`;
}

function milliseconds(value) {
  if (value === null || value === undefined) return "no answer";
  if (value < 1) return `${Math.round(value * 1000)} µs`;
  if (value < 1000) return `${value >= 100 ? value.toFixed(0) : value.toFixed(1)} ms`;
  return `${(value / 1000).toFixed(2)} s`;
}

// People's words for what became of a request: the page brings them, so that there is one list.
function plain(name) {
  return data.words[name] || name.replaceAll("_", " ");
}
