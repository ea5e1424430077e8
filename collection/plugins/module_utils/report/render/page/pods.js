// Pods as lanes: one a pod, coloured by version while ready, pale while not.
const MOST_LANES = 40; // more pods than these are shown as groups
const GROUP_TALL = 40;
const MOST_GROUPS = 12;
const NO_OWNER = "no owner";
const STATES = { ready: 1, terminating: 0.55, "not ready": 0.4, waiting: 0.2, ended: 0.12 };

function podsChart(pods, group, width) {
  const lane = pods.length > 16 ? 13 : 19;
  const rows = laneRows(pods);
  const scales = { y: { range: () => [0, Math.max(rows.length, 1)] } };
  const y = { ...axis(() => ""), grid: { show: false } };
  const options = base(width, rows.length * lane + 46, group, scales, [y], [{ scale: "y", show: false }], true);
  options.hooks.draw.unshift((u) => drawPods(u, rows, lane));
  return options;
}

// A heading for each owner and its pods below it; none where they have one owner, or each its own.
function laneRows(pods) {
  const owners = new Map();
  for (const pod of pods) {
    if (!owners.has(pod.owner)) owners.set(pod.owner, []);
    owners.get(pod.owner).push(pod);
  }
  const told = owners.size > 1 && owners.size < pods.length;
  return [...owners].flatMap(([owner, own]) => (told ? [{ heading: owner || NO_OWNER }, ...own] : own));
}

function drawPods(u, rows, lane) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  rows.forEach((pod, row) => {
    const y = top + row * lane * ratio + 2 * ratio;
    const tall = (lane - 4) * ratio;
    if (pod.heading) {
      ctx.fillStyle = css("--soft");
      ctx.fillRect(left, y, width, ratio);
      laneName(u, pod.heading, u.scales.x.min, y + tall / 2 + ratio, lane > 15 ? 11 : 9.5, tall - 2 * ratio);
      return;
    }
    const colour = css(pod.version ? versionVariable(pod.version) : "--v4");
    for (const [from, to, state] of pod.spans) {
      const x0 = u.valToPos(from, "x", true);
      const x1 = u.valToPos(to, "x", true);
      ctx.globalAlpha = STATES[state];
      ctx.fillStyle = state === "terminating" ? css("--warn-fill") : colour;
      ctx.fillRect(x0, state === "ready" ? y : y + tall * 0.22, Math.max(x1 - x0, 1.5 * ratio), state === "ready" ? tall : tall * 0.56);
    }
    ctx.globalAlpha = 1;
    laneName(u, pod.name, pod.spans[0][0], y + tall / 2, lane > 15 ? 11 : 9.5, tall);
  });
  ctx.restore();
}

// The name of a lane where its first pod appears, readable over whatever is drawn there.
function laneName(u, name, from, middle, size, tall) {
  const { ctx } = u;
  const { left, width } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.font = `${size * ratio}px system-ui, sans-serif`;
  ctx.textAlign = "left";
  ctx.textBaseline = "middle";
  const wide = ctx.measureText(name).width;
  const x = Math.max(Math.min(Math.max(u.valToPos(from, "x", true), left) + 5 * ratio, left + width - wide - 4 * ratio), left + 2 * ratio);
  ctx.fillStyle = css("--card");
  ctx.globalAlpha = 0.82;
  ctx.fillRect(x - 2 * ratio, middle - tall * 0.42, wide + 4 * ratio, tall * 0.84);
  ctx.globalAlpha = 1;
  ctx.fillStyle = css("--ink");
  ctx.fillText(name, x, middle);
}

// Pods of one owner and version as one lane of counts.
function podGroups(pods) {
  const groups = new Map();
  for (const pod of pods) {
    const owner = pod.owner || NO_OWNER;
    const key = `${owner} ${pod.version}`;
    if (!groups.has(key)) groups.set(key, { owner, version: pod.version, pods: [] });
    groups.get(key).pods.push(pod);
  }
  const all = [...groups.values()].sort((a, b) => b.pods.length - a.pods.length);
  const shown = all.slice(0, MOST_GROUPS - (all.length > MOST_GROUPS ? 1 : 0));
  if (all.length > shown.length) shown.push({ owner: `${all.length - shown.length} smaller groups`, version: "", pods: all.slice(shown.length).flatMap((one) => one.pods) });
  for (const one of shown) Object.assign(one, counted(one.pods));
  return shown.sort((a, b) => a.from - b.from);
}

// How many pods were ready, and how many existed, at each moment at which that changed.
function counted(pods) {
  const changes = [];
  for (const pod of pods) {
    for (const [from, to, state] of pod.spans) {
      const ready = state === "ready" ? 1 : 0;
      const there = state === "ended" ? 0 : 1;
      changes.push([from, ready, there], [to, -ready, -there]);
    }
  }
  changes.sort((a, b) => a[0] - b[0]);
  const points = [];
  let ready = 0;
  let there = 0;
  for (const [t, one, other] of changes) {
    ready += one;
    there += other;
    if (points.length && points[points.length - 1][0] === t) points[points.length - 1] = [t, ready, there];
    else points.push([t, ready, there]);
  }
  return { from: changes.length ? changes[0][0] : 0, points, most: Math.max(1, ...points.map((point) => point[2])) };
}

function groupsChart(groups, group, width) {
  const y = { ...axis(() => ""), grid: { show: false } };
  const options = base(width, groups.length * GROUP_TALL + 46, group, { y: { range: () => [0, 1] } }, [y], [{ scale: "y", show: false }], true);
  options.hooks.draw.unshift((u) => drawGroups(u, groups));
  return options;
}

function drawGroups(u, groups) {
  const { ctx } = u;
  const { left, top, width, height } = u.bbox;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath();
  ctx.rect(left, top, width, height);
  ctx.clip();
  groups.forEach((one, row) => {
    const tall = (GROUP_TALL - 8) * ratio;
    const bottom = top + row * GROUP_TALL * ratio + 4 * ratio + tall;
    ctx.fillStyle = css(one.version ? versionVariable(one.version) : "--v4");
    for (const [column, alpha] of [[2, 0.25], [1, 0.75]]) {
      ctx.globalAlpha = alpha;
      ctx.beginPath();
      let x = u.valToPos(one.points[0][0], "x", true);
      ctx.moveTo(x, bottom);
      let last = 0;
      for (const point of one.points) {
        x = u.valToPos(point[0], "x", true);
        ctx.lineTo(x, bottom - (last / one.most) * tall);
        last = point[column];
        ctx.lineTo(x, bottom - (last / one.most) * tall);
      }
      ctx.lineTo(x, bottom);
      ctx.fill();
    }
    ctx.globalAlpha = 1;
    const count = one.pods.length;
    laneName(u, `${one.owner}${one.version ? ` (${one.version})` : ""}: ${thousands(count)} pod${count === 1 ? "" : "s"}, at most ${thousands(one.most)} at once`, one.from, bottom - tall / 2, 11, 16 * ratio);
  });
  ctx.restore();
}
