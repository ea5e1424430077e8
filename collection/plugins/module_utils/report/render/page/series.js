// Columns of numbers for a chart: where to cut them, where a line breaks, what stood at a time.
// The first index whose time is at least t.
function lower(times, t) {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] < t) low = middle + 1; else high = middle;
  }
  return low;
}

// A line breaks where nothing was due or answered: it is never drawn across an outage.
function withGaps(zoom, from, to, names) {
  const columns = [[], ...names.map(() => [])];
  for (let i = from; i < to; i += 1) {
    if (i > from && zoom.t_s[i] - zoom.t_s[i - 1] > zoom.step_s * 1.5) {
      columns[0].push(zoom.t_s[i - 1] + zoom.step_s);
      names.forEach((_, n) => columns[n + 1].push(null));
    }
    columns[0].push(zoom.t_s[i] + zoom.step_s / 2);
    names.forEach((name, n) => columns[n + 1].push(zoom[name][i]));
  }
  return columns;
}

function joined(lines) { return uPlot.join(lines.map((points) => [points.map((p) => p[0]), points.map((p) => p[1])])); }

function peak(points) { return Math.max(...points.map((point) => point[1])); }

function valueAt(points, t) {
  let value = null;
  for (const point of points) if (point[0] <= t) value = point[1]; else break;
  return value;
}
