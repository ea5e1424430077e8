// What is written over a chart: the cause on each outage's band, and the numbers of the marks. Nothing hides another.
const MOST_BAND_ROWS = 4;
const BAND_ROW = 17;

// Lanes and probes see the same outage each: their bands are one, which says the causes of all.
function union(spans) {
  const bands = [];
  for (const { from, to, why } of [...spans].sort((a, b) => a.from - b.from)) {
    const last = bands[bands.length - 1];
    if (last && from <= last.to) {
      last.to = Math.max(last.to, to);
      if (!last.why.split(" + ").includes(why)) last.why += ` + ${why}`;
    } else bands.push({ from, to, why });
  }
  return bands;
}

// Bands with what stands on them; those of one cause that follow each other closely are one text with their number.
function bandTexts(bands, x, close) {
  const texts = [];
  for (const band of bands) {
    const same = [...texts].reverse().find((one) => one.why === band.why);
    const at = x(band.from);
    if (same && at < same.last + close) Object.assign(same, { count: same.count + 1, last: at });
    else texts.push({ why: band.why, at, last: at, count: 1 });
  }
  return texts.map((one) => ({ at: one.at, text: one.count > 1 ? `${one.why} ×${one.count}` : one.why }));
}

// Gives each text the highest row in which it meets no other; one that finds none is left to the list of outages.
function inRows(texts, left, right, measure, most) {
  const rows = [];
  const placed = [];
  for (const one of texts) {
    const wide = measure(one.text);
    // beside its band, to the right of it or, where there is no room, to the left
    const before = one.at + wide > right && one.at - wide >= left;
    const x = before ? one.at - wide : Math.max(Math.min(one.at, right - wide), left);
    const row = Array.from({ length: most }, (_, i) => i).find((i) => !(rows[i] || []).some(([from, to]) => from < x + wide + 6 && x < to + 6));
    if (row === undefined) continue;
    rows[row] = [...(rows[row] || []), [x, x + wide]];
    placed.push({ ...one, x, wide, row, before });
  }
  return placed;
}

function shortened(ctx, text, room) {
  if (ctx.measureText(text).width <= room) return text;
  let kept = text;
  while (kept.length > 4 && ctx.measureText(`${kept}…`).width > room) kept = kept.slice(0, -1);
  return `${kept.trimEnd()}…`;
}

function drawBandTexts(u, bands, firstRow) {
  const { ctx } = u;
  const { left, top, width } = u.bbox;
  const ratio = devicePixelRatio;
  const right = left + width;
  ctx.save();
  ctx.font = `600 ${11.5 * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const x = (t) => u.valToPos(t, "x", true);
  const seen = bands.filter((band) => band.why && x(band.to) >= left && x(band.from) <= right);
  const measure = (text) => Math.min(ctx.measureText(text).width + 10 * ratio, width);
  for (const one of inRows(bandTexts(seen, x, 60 * ratio), left, right, measure, MOST_BAND_ROWS)) {
    const middle = top + ((one.row + firstRow) * BAND_ROW + 11) * ratio;
    ctx.globalAlpha = 0.9;
    ctx.fillStyle = css("--card");
    ctx.fillRect(one.x, middle - 8 * ratio, one.wide, 16 * ratio);
    ctx.globalAlpha = 1;
    ctx.fillStyle = css("--bad-fill");
    // the tick stands at the band; under the text, where the chart is too narrow for a text beside it
    const beside = one.before || one.x === one.at;
    ctx.fillRect(one.before ? one.at - 2.5 * ratio : one.at, middle + (beside ? -8 : 6) * ratio, 2.5 * ratio, (beside ? 16 : 4) * ratio);
    ctx.fillStyle = css("--ink");
    ctx.fillText(shortened(ctx, one.text, one.wide - 8 * ratio), one.x + (one.before ? 3 : 6) * ratio, middle + 0.5 * ratio);
  }
  ctx.restore();
}

// Marks whose numbers would meet share one pill, as in 3–7.
function markGroups(marks, x, ratio) {
  const groups = [];
  marks.forEach((mark, i) => {
    const at = x(mark.t);
    const last = groups[groups.length - 1];
    if (last && at - last.to < 17 * ratio + (last.first === last.last ? 0 : 12 * ratio)) Object.assign(last, { to: at, last: i + 1, own: last.own || mark.source === "scenario" });
    else groups.push({ from: at, to: at, first: i + 1, last: i + 1, own: mark.source === "scenario" });
  });
  return groups;
}

function drawMarkNumbers(u, marks) {
  const { ctx } = u;
  const { left, top, width } = u.bbox;
  const ratio = devicePixelRatio;
  const x = (t) => u.valToPos(t, "x", true);
  const numbered = marks.map((mark, i) => ({ ...mark, i }));
  const seen = numbered.filter((mark) => x(mark.t) >= left && x(mark.t) <= left + width);
  if (!seen.length) return;
  const skipped = seen[0].i;
  for (const one of markGroups(seen, x, ratio)) {
    const text = one.first === one.last ? String(one.first + skipped) : `${one.first + skipped}–${one.last + skipped}`;
    const half = Math.max(7 * ratio, ctx.measureText(text).width / 2 + 4 * ratio);
    const at = Math.min(Math.max((one.from + one.to) / 2, left + half), left + width - half);
    ctx.fillStyle = css(one.own ? "--ink" : "--soft");
    ctx.beginPath();
    ctx.roundRect(at - half, top - 13 * ratio, 2 * half, 14 * ratio, 7 * ratio);
    ctx.fill();
    ctx.fillStyle = css("--card");
    ctx.fillText(text, at, top - 5.5 * ratio);
  }
}
