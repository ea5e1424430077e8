// One variant over time: its charts, its zoom, its marks and what the pointer or the keyboard reads.
const MOST_BARS = 420;
const CPU_LINES = 8;

class Timeline {
  constructor(article, variant, index) {
    Object.assign(this, { article, variant, key: `timeline-${index}`, min: 0, max: variant.span_s, at: null });
    this.box = article.querySelector(".charts");
    this.readout = article.querySelector(".readout");
    this.parts = requestSeries(variant);
    this.bands = union(variant.outages);
    this.tip = this.box.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
    this.charts = [];
    this.build();
    this.legend();
    this.listen();
    this.show(this.min, this.max);
  }

  build() {
    const width = this.width();
    const { cluster, span_s: span } = this.variant;
    this.add("requests a second", requestsChart(this.parts, this, width, this.bands.length ? 1.45 : 1.08), (zoom, from, to) => [zoom.t_s.slice(from, to), ...stacked(this.parts, zoom, from, to)]);
    this.add("latency", latencyChart(this, width), (zoom, from, to) => withGaps(zoom, from, to, ["max_ms", "p99_ms", "p50_ms"]));
    if (cluster) {
      const shown = this.clusterLines(cluster);
      if (shown.length) {
        const data = steps(shown.map((one) => one.points), span);
        this.add("ready endpoints and replicas", stepsChart(shown, this, width, (v) => (Number.isInteger(v) ? String(v) : ""), 96), () => data);
        this.lines = shown;
      }
      const busy = Object.entries(cluster.cpu).sort((a, b) => peak(b[1]) - peak(a[1])).slice(0, CPU_LINES);
      if (busy.length) {
        const names = busy.map(([name], i) => ({ name, variable: this.podVariable(name, i), straight: true }));
        const data = joined(busy.map(([, points]) => points));
        this.add("CPU, millicores a pod", stepsChart(names, this, width, (v) => thousands(v), 110), () => data);
        this.cpu = busy;
      }
      if (cluster.pods.length) this.addPods(cluster.pods, width);
    }
    // The last chart carries the time axis.
    const last = this.charts[this.charts.length - 1];
    last.options.axes[0].size = 28;
    last.options.axes[0].values = (u, splits) => splits.map((t) => clock(t, u.scales.x.max - u.scales.x.min < 12 ? 0.1 : 1));
    for (const chart of this.charts) this.draw(chart);
  }

  add(name, options, data) {
    const holder = this.box.appendChild(Object.assign(document.createElement("div"), { className: "chart" }));
    holder.appendChild(Object.assign(document.createElement("span"), { className: "chart-name", textContent: name }));
    this.charts.push({ name, options, data, holder });
  }

  // Few pods have a lane each; many are grouped, until somebody asks for each of them.
  addPods(pods, width) {
    const many = pods.length > MOST_LANES;
    const button = this.article.querySelector("[data-do='pods']");
    button.hidden = !many;
    button.textContent = this.each ? "Group the pods" : `Show all ${thousands(pods.length)} pods`;
    button.setAttribute("aria-expanded", String(Boolean(this.each)));
    const options = many && !this.each ? groupsChart(podGroups(pods), this, width) : podsChart(pods, this, width);
    this.add("pods", options, () => [[0, this.variant.span_s], [null, null]]);
  }

  togglePods() {
    this.each = !this.each;
    const old = this.charts.pop();
    old.plot.destroy();
    old.holder.remove();
    this.addPods(this.variant.cluster.pods, this.width());
    this.draw(this.charts[this.charts.length - 1]);
    this.show(this.min, this.max);
  }

  draw(chart) { chart.plot = new uPlot(chart.options, chart.data(this.variant.zooms[0], 0, 1), chart.holder); }

  clusterLines(cluster) {
    const lines = [];
    for (const [name, points] of Object.entries(cluster.endpoints)) lines.push({ name: `${name}: ready endpoints`, short: "ready endpoints", variable: "--v1", points, width: 2.2 });
    for (const [name, points] of Object.entries(cluster.replicas)) lines.push({ name: `${name}: replicas wanted`, short: "replicas wanted", variable: "--soft", points: points.map((p) => [p[0], p[1]]), dash: [5, 4], width: 1.4 });
    return lines;
  }

  podVariable(name, i) {
    const pod = this.variant.cluster.pods.find((one) => one.name === name);
    return pod && pod.version ? versionVariable(pod.version) : SLOTS[i % SLOTS.length];
  }

  legend() {
    const entries = this.parts.map((part) => [part.name, part.variable, "key"]).concat([["p50", "--v4", "key line"], ["p99", "--v3", "key line"], ["slowest", "--none", "key line"]]);
    for (const one of this.lines || []) entries.push([one.name, one.variable, "key line"]);
    if (this.variant.outages.length) entries.push(["outage", "--outage", "key"]);
    const legend = this.article.querySelector(".legend");
    for (const [name, variable, kind] of entries) {
      const key = Object.assign(document.createElement("i"), { className: kind });
      key.style.background = `var(${variable})`;
      const entry = document.createElement("span");
      entry.append(key, name);
      legend.append(entry);
    }
  }

  // Draws the stretch from..to with the finest zoom that still gives bars wide enough to see.
  show(from, to) {
    const span = this.variant.span_s;
    const length = Math.min(Math.max(to - from, Math.min(1, span)), span);
    this.min = Math.min(Math.max(from, 0), span - length);
    this.max = this.min + length;
    this.article.dataset.range = `${Number(this.min.toFixed(3))} ${Number(this.max.toFixed(3))}`;
    const { zooms } = this.variant;
    const most = Math.min(MOST_BARS, Math.max(60, (this.width() - LEFT) / 2));
    this.zoom = zooms.find((zoom) => length / zoom.step_s <= most) || zooms[zooms.length - 1];
    const { t_s: times, step_s: step } = this.zoom;
    const first = lower(times, this.min - step);
    const end = lower(times, this.max + step);
    for (const { plot, data } of this.charts) {
      plot.batch(() => {
        plot.setData(data(this.zoom, first, end), false);
        plot.setScale("x", { min: this.min, max: this.max });
      });
    }
  }

  all() { this.show(0, this.variant.span_s); }

  zoomBy(factor) {
    const centre = this.at === null ? (this.min + this.max) / 2 : Math.min(Math.max(this.at, this.min), this.max);
    this.show(centre - (centre - this.min) * factor, centre + (this.max - centre) * factor);
  }

  moveBy(share) {
    const by = (this.max - this.min) * share;
    this.show(this.min + by, this.max + by);
  }

  nextOutage() {
    const long = this.variant.outages.filter((one) => !one.isolated);
    const listed = long.length ? long : this.variant.outages;
    if (!listed.length) return;
    this.outage = ((this.outage === undefined ? -1 : this.outage) + 1) % listed.length;
    this.look(listed[this.outage].from, listed[this.outage].to);
  }

  look(from, to) {
    const around = Math.max((to - from) * 1.5, 2);
    this.show(from - around, to + around);
    this.read(from);
  }

  select(u) {
    if (u.select.width > 4) this.show(u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x"));
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }

  under(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top, width, height);
    ctx.clip();
    for (const one of this.phases()) {
      if (one.name !== "during" && one.name !== "recover") continue;
      ctx.fillStyle = css("--phase");
      ctx.globalAlpha = one.name === "during" ? 1 : 0.5;
      ctx.fillRect(u.valToPos(one.from, "x", true), top, u.valToPos(one.to, "x", true) - u.valToPos(one.from, "x", true), height);
    }
    ctx.globalAlpha = 1;
    for (const one of this.bands) {
      const x0 = u.valToPos(one.from, "x", true);
      const x1 = u.valToPos(one.to, "x", true);
      ctx.fillStyle = css("--outage");
      ctx.fillRect(x0, top, Math.max(x1 - x0, 2 * devicePixelRatio), height);
    }
    ctx.restore();
  }

  over(u) {
    const { ctx } = u;
    const { left, top, width, height } = u.bbox;
    const ratio = devicePixelRatio;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left, top - 14 * ratio, width, height + 14 * ratio);
    ctx.clip();
    ctx.lineWidth = ratio;
    ctx.font = `600 ${10.5 * ratio}px system-ui, sans-serif`;
    ctx.textAlign = "center";
    ctx.textBaseline = "middle";
    if (u === this.charts[0].plot) this.names(u);
    this.variant.marks.forEach((mark) => {
      const x = Math.round(u.valToPos(mark.t, "x", true)) + 0.5;
      if (x < left || x > left + width) return;
      ctx.strokeStyle = css(mark.source === "scenario" ? "--ink" : "--soft");
      ctx.globalAlpha = mark.source === "scenario" ? 0.8 : 0.45;
      ctx.setLineDash(mark.source === "scenario" ? [] : [3 * ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x, top);
      ctx.lineTo(x, top + height);
      ctx.stroke();
      ctx.globalAlpha = 1;
    });
    if (u === this.charts[0].plot) drawMarkNumbers(u, this.variant.marks);
    ctx.restore();
    if (u === this.charts[0].plot) drawBandTexts(u, this.bands, this.phases().length ? 1 : 0);
  }

  phases() { return this.variant.phases.length > 1 ? this.variant.phases : []; }

  // The name of each phase in the part of it that is in sight, beside the chart's own name, where there is room.
  names(u) {
    const { ctx } = u;
    const { left, top, width } = u.bbox;
    const ratio = devicePixelRatio;
    for (const one of this.phases()) {
      const from = Math.max(u.valToPos(one.from, "x", true), left);
      const to = Math.min(u.valToPos(one.to, "x", true), left + width);
      const half = ctx.measureText(one.name).width / 2 + 5 * ratio;
      const x = Math.max((from + to) / 2, left + 132 * ratio + half);
      if (to - from < 2 * half || x + half > to) continue;
      ctx.globalAlpha = 0.8;
      ctx.fillStyle = css("--card");
      ctx.fillRect(x - half, top + 2 * ratio, 2 * half, 15 * ratio);
      ctx.globalAlpha = 1;
      ctx.fillStyle = css("--soft");
      ctx.fillText(one.name, x, top + 10 * ratio);
    }
  }

  listen() {
    const act = { back: () => this.moveBy(-0.4), forward: () => this.moveBy(0.4), in: () => this.zoomBy(0.5), out: () => this.zoomBy(2), all: () => this.all(), outage: () => this.nextOutage(), pods: () => this.togglePods() };
    for (const button of this.article.querySelectorAll("[data-do]")) button.addEventListener("click", () => act[button.dataset.do]());
    this.box.addEventListener("pointermove", (event) => this.point(event));
    this.box.addEventListener("pointerleave", () => { this.tip.hidden = true; });
    this.box.addEventListener("keydown", (event) => this.press(event));
    this.box.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return; // a plain wheel scrolls the page
      event.preventDefault();
      this.zoomBy(event.deltaY > 0 ? 1.3 : 1 / 1.3);
    }, { passive: false });
    this.box.addEventListener("blur", () => { this.tip.hidden = true; });
  }

  point(event) {
    const { plot } = this.charts[0];
    const over = plot.over.getBoundingClientRect();
    const x = event.clientX - over.left;
    if (x < 0 || x > over.width) { this.tip.hidden = true; return; }
    this.at = plot.posToVal(x, "x");
    this.describe(this.at, event.clientY - this.box.getBoundingClientRect().top);
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey) return;
    const step = this.zoom.step_s;
    const at = this.at === null ? this.min : this.at;
    const act = {
      ArrowLeft: () => this.read(at - step), ArrowRight: () => this.read(at + step), Home: () => this.read(this.min), End: () => this.read(this.max - step),
      "+": () => this.zoomBy(0.5), "=": () => this.zoomBy(0.5), "-": () => this.zoomBy(2), 0: () => this.all(), n: () => this.nextOutage(), Escape: () => { this.tip.hidden = true; },
    }[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  // Moves the cursor by keyboard: the view follows, and a screen reader hears what stands there.
  read(t) {
    this.at = Math.min(Math.max(t, 0), this.variant.span_s);
    if (this.at < this.min || this.at > this.max) this.show(this.at - (this.max - this.min) / 2, this.at + (this.max - this.min) / 2);
    const { plot } = this.charts[0];
    plot.setCursor({ left: plot.valToPos(this.at, "x"), top: 20 });
    this.describe(this.at, 30);
    this.readout.textContent = this.tip.innerText.replaceAll("\n", ", ");
  }

  describe(t, y) {
    const { t_s: times, step_s: step } = this.zoom;
    const i = lower(times, t - step + 1e-9);
    const found = i < times.length && times[i] <= t + 1e-9;
    const rows = [];
    if (found) {
      for (const part of this.parts) {
        const count = part.of(this.zoom)[i];
        if (count) rows.push([part.name, thousands(count)]);
      }
      rows.push(["p50", milliseconds(this.zoom.p50_ms[i])], ["p99", milliseconds(this.zoom.p99_ms[i])], ["slowest", milliseconds(this.zoom.max_ms[i])]);
    }
    for (const one of this.lines || []) {
      const value = valueAt(one.points, t);
      if (value !== null) rows.push([one.name, String(value)]);
    }
    if (this.cpu) {
      const loads = this.cpu.map(([, points]) => valueAt(points, t)).filter((value) => value !== null);
      if (loads.length) rows.push(["CPU of the busiest pod", `${thousands(Math.max(...loads))} m`]);
    }
    const near = (this.max - this.min) * 0.012;
    const marks = this.variant.marks.map((mark, n) => [mark, n + 1]).filter(([mark]) => Math.abs(mark.t - t) <= near).slice(0, 4);
    const phase = this.variant.phases.filter((one) => one.from <= t && t <= one.to).map((one) => one.name).join(", ");
    const wall = new Date(this.variant.start_ms + t * 1000).toISOString().slice(11, 21);
    this.tip.replaceChildren(
      paragraph("t", `${clock(found ? times[i] : t, step)} · ${wall} UTC${phase ? ` · ${phase}` : ""}`),
      ...(found ? [] : [paragraph("", "no request was due")]),
      ...rows.map(([name, value]) => pair(name, value)),
      ...marks.map(([mark, n]) => paragraph("mark", `${n}  ${mark.name}`)),
    );
    this.tip.hidden = false;
    const over = this.charts[0].plot.over;
    const x = this.charts[0].plot.valToPos(t, "x") + LEFT;
    const room = this.box.clientWidth - this.tip.offsetWidth;
    this.tip.style.left = `${x > over.clientWidth / 2 ? Math.max(x - this.tip.offsetWidth - 14, 0) : Math.min(x + 14, room)}px`;
    this.tip.style.top = `${Math.max(Math.min(y - 20, this.box.clientHeight - this.tip.offsetHeight), 0)}px`;
  }

  width() { return Math.max(this.box.clientWidth, 240); }

  fit(width) {
    for (const { plot } of this.charts) plot.setSize({ width: width || this.width(), height: plot.height });
    this.show(this.min, this.max);
  }

  redraw() { for (const { plot } of this.charts) plot.redraw(false); }
}

function paragraph(name, text) { return Object.assign(document.createElement("p"), { className: name, textContent: text }); }

function pair(name, value) {
  const row = paragraph("row", "");
  row.append(Object.assign(document.createElement("span"), { textContent: name }), Object.assign(document.createElement("b"), { textContent: value }));
  return row;
}
