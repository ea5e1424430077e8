// Latency by percentile, all variants in one chart; the axis stretches the tail: each nine is as wide as the last.
const NINES = [0, 50, 90, 99, 99.9, 99.99, 99.999];

function nines(percent) { return -Math.log10(1 - Math.min(percent, 99.9995) / 100); }

function innerWidthOf(box) {
  const style = getComputedStyle(box);
  return Math.max(box.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight), 240);
}

function drawDistribution(box, variants) {
  const known = variants.map((variant, i) => ({ ...variant.curve, name: variant.name, i })).filter((curve) => curve.count);
  if (!known.length) { box.hidden = true; return null; }
  // A percentile that fewer than one request stands for is the maximum again: it is not drawn.
  const most = Math.max(...known.map((curve) => curve.count));
  const end = Math.min(nines(100), Math.max(1, Math.log10(most)));
  const tables = known.map((curve) => {
    const kept = curve.percent.map((p, i) => [nines(p), curve.ms[i]]).filter(([x]) => x <= Math.log10(curve.count) + 1e-9);
    return [kept.map((p) => p[0]), kept.map((p) => p[1])];
  });
  const legend = Object.assign(document.createElement("p"), { className: "keys legend" });
  const series = known.map((curve) => {
    const variable = SLOTS[(curve.i + 2) % SLOTS.length];
    const key = Object.assign(document.createElement("i"), { className: "key line" });
    key.style.background = `var(${variable})`;
    const entry = document.createElement("span");
    entry.append(key, curve.name);
    legend.append(entry);
    return { label: curve.name, scale: "y", stroke: () => css(variable), width: 2.2, points: { show: false }, spanGaps: true };
  });
  box.append(legend);
  const ticks = NINES.filter((p) => nines(p) <= end);
  const font = "12px system-ui, sans-serif";
  return new uPlot({
    width: innerWidthOf(box), height: 250, legend: { show: false }, padding: [10, 18, 0, 0],
    scales: { x: { time: false, range: () => [0, end] }, y: { distr: 3, range: (u, low, high) => logRange(low, high) } },
    cursor: { drag: { x: false, y: false }, points: { size: 7 } },
    axes: [
      { stroke: () => css("--soft"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: NO_TICKS, size: 30, font, splits: () => ticks.map(nines), values: () => ticks.map((p) => (p ? `p${p}` : "")) },
      logAxis(),
    ],
    series: [{}, ...series],
  }, uPlot.join(tables), box);
}
