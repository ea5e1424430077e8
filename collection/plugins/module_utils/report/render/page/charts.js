// The charts of one timeline, each a uPlot with the same time axis and left edge.
const LEFT = 58;
const NO_TICKS = { show: false };

// uPlot's options that all charts share. marks: draws outages under, and changes over, the series.
function base(width, height, group, scales, axes, series, last) {
  return {
    width, height, scales: { x: { time: false }, ...scales }, series: [{}, ...series],
    padding: [19, 20, last ? 0 : 4, 0],
    legend: { show: false },
    cursor: {
      sync: { key: group.key }, points: { show: false }, y: false,
      drag: { x: true, y: false, setScale: false, dist: 4 }, bind: { dblclick: () => () => group.all() },
    },
    axes: [
      {
        stroke: () => css("--soft"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: NO_TICKS,
        size: last ? 28 : 2, font: "12px system-ui, sans-serif", space: 74,
        values: (u, splits) => (last ? splits.map((t) => clock(t, u.scales.x.max - u.scales.x.min < 12 ? 0.1 : 1)) : []),
      },
      ...axes,
    ],
    hooks: {
      drawClear: [(u) => group.under(u)],
      draw: [(u) => group.over(u)],
      setSelect: [(u) => group.select(u)],
    },
  };
}

function axis(label) {
  return {
    scale: "y", size: LEFT, stroke: () => css("--soft"), grid: { stroke: () => css("--grid"), width: 1 }, ticks: NO_TICKS,
    font: "12px system-ui, sans-serif", space: 26, values: (u, splits) => splits.map((v) => (v === null ? "" : label(v))),
  };
}

function line(name, variable, extra) {
  return { label: name, scale: "y", stroke: () => css(variable), width: 1.6, points: { show: false }, ...extra };
}

// Requests a second, stacked: good answers by version below, each kind of failure above.
function requestSeries(variant) {
  const { good, failing } = variant.zooms[0];
  const alone = Object.keys(good).length === 1;
  return [
    ...Object.keys(good).map((name) => ({
      name: name || (alone ? plain("ok") : `${plain("ok")}, no version named`), variable: name ? versionVariable(name) : alone ? "--v0" : "--none", of: (zoom) => zoom.good[name],
    })),
    ...Object.keys(failing).map((name) => ({ name: plain(name), variable: outcomeVariable(name), of: (zoom) => zoom.failing[name] })),
  ];
}

// The sums from the bottom up; uPlot paints in order, so the highest comes first.
function stacked(parts, zoom, from, to) {
  const sums = zoom.t_s.slice(from, to).map(() => 0);
  const columns = parts.map((part) => {
    const counts = part.of(zoom);
    return sums.map((sum, i) => (sums[i] = sum + counts[from + i] / zoom.step_s));
  });
  return columns.reverse();
}

// room: how much higher than its bars the chart is, for what is written on its bands.
function requestsChart(parts, group, width, room) {
  const series = [...parts].reverse().map((part) => ({
    label: part.name, scale: "y", stroke: null, width: 0, fill: () => css(part.variable), points: { show: false },
    paths: uPlot.paths.bars({ size: [1, Infinity], align: 1, gap: 0 }),
  }));
  const scales = { y: { range: (u, low, high) => [0, Math.max(high * room, 1)] } };
  return base(width, 190, group, scales, [axis((v) => thousands(v))], series, false);
}

function latencyChart(group, width) {
  const series = [line("slowest", "--none", { width: 1 }), line("p99", "--v3"), line("p50", "--v4", { width: 2 })];
  const scales = { y: { distr: 3, range: (u, low, high) => logRange(low, high) } };
  return base(width, 160, group, scales, [logAxis()], series, false);
}

// Round values of a logarithmic axis: 1, 2, 5, 10, 20 … milliseconds, and fewer where they would touch.
function round125(low, high) {
  const values = [];
  for (let power = Math.floor(Math.log10(low) + 1e-9); power <= Math.ceil(Math.log10(high)); power += 1) {
    for (const digit of [1, 2, 5]) values.push(Number((digit * 10 ** power).toPrecision(1)));
  }
  return values;
}

function logRange(low, high) {
  if (low === null || !(low > 0)) return [0.1, 10];
  const values = round125(low, high * 2);
  const bottom = values.filter((value) => value <= low).pop();
  const top = values.find((value) => value >= high * 1.05);
  return [bottom, Math.max(top, bottom * 5)];
}

function logAxis() {
  const splits = (u) => {
    const { min, max } = u.scales.y;
    const all = round125(min, max).filter((value) => value >= min * 0.999 && value <= max * 1.001);
    return all.length > 8 ? all.filter((value) => Number.isInteger(Math.round(Math.log10(value) * 1e6) / 1e6)) : all;
  };
  return { ...axis((v) => milliseconds(v).replace(".0 ", " ")), splits, filter: (u, values) => values };
}

// Lines that keep their value until the next change, on one common time column.
function steps(lines, end) {
  const times = [...new Set(lines.flatMap((points) => points.map((point) => point[0])).concat([0, end]))].sort((a, b) => a - b);
  const columns = lines.map((points) => {
    let at = -1;
    return times.map((t) => {
      while (at + 1 < points.length && points[at + 1][0] <= t) at += 1;
      return at < 0 ? null : points[at][1];
    });
  });
  return [times, ...columns];
}

function stepsChart(names, group, width, label, height) {
  const stepped = uPlot.paths.stepped({ align: 1 });
  const series = names.map((one) => line(one.name, one.variable, { paths: one.straight ? undefined : stepped, dash: one.dash, width: one.width || 1.8, spanGaps: true }));
  const scales = { y: { range: (u, low, high) => [0, Math.max(Math.ceil((high || 0) * 1.1), 1)] } };
  return base(width, height, group, scales, [axis(label)], series, false);
}
