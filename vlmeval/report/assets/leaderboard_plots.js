const SVG = "http://www.w3.org/2000/svg";
const SHOWN_IN_RADAR = 6, LONGEST_LABEL = 34;

function draw(tag, attributes = {}, ...children) {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (name === "text") node.textContent = value; else node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const shortened = (text, most = LONGEST_LABEL) => text.length > most ? `${text.slice(0, most - 1)}…` : text;
const titled = (node, text) => { node.append(draw("title", { text })); return node; };

function choice(label, key, options, value) {
  const select = make("select", { onchange: (event) => change({ [key]: event.target.value }) }, ...options.map(([id, text]) => make("option", { value: id, text })));
  select.value = value;
  return make("label", { "data-control": key }, label, select);
}

/* What can be on the y axis: the average, suites, tasks. */
function subjects() {
  return [...(current.inside.length ? [["avg", `Average of ${current.inside.length} common tasks`]] : []), ...shownSuites().map((one) => [one.name, one.title]), ...picked().map((one) => [one.id, `${one.title}: ${one.name}`])];
}

function subject() {
  const found = subjects().map(([id]) => id);
  if (found.includes(state.y)) return state.y;
  if (found[0] === "avg" || !picked().length) return found[0] || "";
  return picked().map((one) => one.id).sort((one, two) => filled(two) - filled(one))[0];
}

const filled = (id) => current.shown.filter((row) => figure(row, id)).length;

function valueOf(row, id) {
  if (id === "avg") return average(row, current.inside);
  if (suites.has(id)) { const own = suites.get(id).cells[row.name]; return own && own[0] !== null ? own : null; }
  return figure(row, id);
}

const upward = (id) => !columns.has(id) || columns.get(id).up;
const topOf = (id) => columns.has(id) ? columns.get(id).top : 100;

function ticks(low, high, most = 6) {
  const rough = (high - low) / most || 1, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough);
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push(+at.toPrecision(10));
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++) for (const factor of [1, 2, 5]) found.push(factor * 10 ** power);
  const inside = found.filter((one) => one >= low && one <= high);
  return inside.length > 9 ? inside.filter((one) => Math.abs(Math.log10(one) % 1) < 1e-9) : inside;
}

const TRADES = { params: ["Parameters", billions, true], speed: ["Answers a second", (value) => +value.toPrecision(3), false], memory: ["Peak memory, GiB", (value) => +value.toPrecision(3), true] };

function drawScatter() {
  const y = subject(), x = TRADES[state.x] ? state.x : "params";
  const [name, text, less] = TRADES[x];
  $("controls").append(choice("Score", "y", subjects(), y), choice("Against", "x", Object.entries(TRADES).map(([id, [label]]) => [id, label]), x));
  const known = current.shown.map((row) => ({ row, x: row[x], y: valueOf(row, y) })).filter((one) => one.y);
  const points = known.filter((one) => one.x);
  const absent = known.filter((one) => !one.x).map((one) => one.row.name);
  if (!points.length) return $("plot").append(make("p", { class: "small", text: `Nothing to draw: ${name.toLowerCase()} and this score are known of none of the models shown.` }));
  const W = innerWidth < 760 ? 320 : 860, H = innerWidth < 760 ? 320 : 420, L = 40, R = 20, T = 14, B = 46;
  const xs = points.map((one) => one.x), ys = points.flatMap((one) => [one.y[0], one.y[1] ?? one.y[0], one.y[2] ?? one.y[0]]);
  const [x0, x1] = [Math.min(...xs) / 1.35, Math.max(...xs) * 1.35], room = 0.06 * (Math.max(...ys) - Math.min(...ys)) || 1;
  const [y0, y1] = [Math.min(...ys) - room, Math.max(...ys) + room];
  const px = (value) => L + (W - L - R) * Math.log(value / x0) / Math.log(x1 / x0), py = (value) => T + (H - T - B) * (1 - (value - y0) / (y1 - y0));
  const plot = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${subjects().find(([id]) => id === y)[1]} against ${name.toLowerCase()}, ${points.length} models` });
  for (const at of ticks(y0, y1)) plot.append(draw("line", { class: "grid", x1: L, x2: W - R, y1: py(at), y2: py(at) }), draw("text", { class: "tick-text", x: L - 6, y: py(at) + 4, "text-anchor": "end", text: at }));
  for (const at of logTicks(x0, x1)) plot.append(draw("line", { class: "grid", x1: px(at), x2: px(at), y1: T, y2: H - B }), draw("text", { class: "tick-text", x: px(at), y: H - B + 16, "text-anchor": "middle", text: text(at) }));
  plot.append(draw("text", { class: "axis-text", x: (L + W - R) / 2, y: H - 8, "text-anchor": "middle", text: `${name} (logarithmic)` }));
  const better = upward(y) ? (one, two) => one > two : (one, two) => one < two;
  let best = null;
  const front = [...points].sort((one, two) => (less ? one.x - two.x : two.x - one.x) || (better(one.y[0], two.y[0]) ? -1 : 1)).filter((one) => {
    if (best !== null && !better(one.y[0], best)) return false;
    best = one.y[0];
    return true;
  });
  const steps = front.map((one, place) => place ? `H${px(one.x)}V${py(one.y[0])}` : `M${px(one.x)} ${py(one.y[0])}`).join("");
  plot.append(draw("path", { class: "front", d: `${steps}H${less ? W - R : L}` }));
  const placed = [];
  for (const one of points) {
    const own = draw("g"), on = front.includes(one), cx = px(one.x), cy = py(one.y[0]);
    if (one.y[1] !== null && one.y[1] !== undefined) own.append(draw("line", { class: "range", x1: cx, x2: cx, y1: py(one.y[1]), y2: py(one.y[2]) }));
    own.append(draw("circle", { class: on ? "point onfront" : "point", cx, cy, r: 5 }));
    if (on || points.length <= 25) {
      const right = cx < W - 150;
      let ty = cy - 7;
      while (placed.some(([ox, oy]) => Math.abs(ox - cx) < 120 && Math.abs(oy - ty) < 13)) ty += 13;
      placed.push([cx, ty]);
      own.append(draw("text", { x: right ? cx + 9 : cx - 9, y: ty, "text-anchor": right ? "start" : "end", text: shortened(one.row.name, 24) }));
    }
    plot.append(titled(own, `${one.row.name}: ${number(one.y[0], topOf(y))} (${interval(one.y[1], one.y[2], topOf(y))}), ${name.toLowerCase()} ${text(one.x)}`));
  }
  $("plot").append(plot, make("p", { class: "small", text: `Dashed: the Pareto line; no other model shown is at least as good in both. ${x === "speed" ? "Speed is that of the run's own hardware. " : ""}${x === "params" ? "Parameters are those of the model cards. " : ""}${absent.length ? `Not drawn, ${name.toLowerCase()} not known: ${absent.join(", ")}.` : ""}` }));
}

function drawDots() {
  const y = subject(), top = topOf(y);
  $("controls").append(choice("Score", "y", subjects(), y));
  const points = current.shown.map((row) => ({ row, y: valueOf(row, y), cell: row.cells.get(y) })).filter((one) => one.y);
  points.sort((one, two) => (upward(y) ? two.y[0] - one.y[0] : one.y[0] - two.y[0]));
  if (!points.length) return $("plot").append(make("p", { class: "small", text: "None of the models shown has this score." }));
  const small = innerWidth < 760, W = small ? 320 : 860, L = small ? 118 : 240, R = small ? 40 : 60, step = 26, T = 8, H = T + step * points.length + 30;
  const ys = points.flatMap((one) => [one.y[0], one.y[1] ?? one.y[0], one.y[2] ?? one.y[0]]);
  const chance = columns.has(y) && !state.slice ? columns.get(y).chance : null;
  if (chance !== null && chance !== undefined) ys.push(chance);
  const room = 0.05 * (Math.max(...ys) - Math.min(...ys)) || 1, [y0, y1] = [Math.min(...ys) - room, Math.max(...ys) + room];
  const px = (value) => L + (W - L - R) * (value - y0) / (y1 - y0);
  const plot = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${subjects().find(([id]) => id === y)[1]}: ${points.length} models with 95 % intervals` });
  for (const at of ticks(y0, y1)) plot.append(draw("line", { class: "grid", x1: px(at), x2: px(at), y1: T, y2: H - 26 }), draw("text", { class: "tick-text", x: px(at), y: H - 10, "text-anchor": "middle", text: at }));
  if (chance !== null && chance !== undefined) plot.append(titled(draw("line", { class: "front", x1: px(chance), x2: px(chance), y1: T, y2: H - 26 }), `chance ${chance}`));
  points.forEach((one, place) => {
    const cy = T + step * (place + 0.5), even = one.cell && one.cell.t && !state.slice && one.cell.t % 2 === 0 ? " even" : "";
    const own = draw("g", {}, draw("text", { x: L - 10, y: cy + 4, "text-anchor": "end", text: shortened(one.row.name, small ? 17 : LONGEST_LABEL) }));
    if (one.y[1] !== null && one.y[1] !== undefined) own.append(draw("line", { class: `range${even}`, x1: px(one.y[1]), x2: px(one.y[2]), y1: cy, y2: cy }));
    own.append(draw("circle", { class: `point${even}`, cx: px(one.y[0]), cy, r: 5 }), draw("text", { class: "tick-text", x: W - R + 12, y: cy + 4, text: number(one.y[0], top) }));
    plot.append(titled(own, `${one.row.name}: ${number(one.y[0], top)} (${interval(one.y[1], one.y[2], top)})${one.cell && one.cell.t && !state.slice ? `, tier ${one.cell.t}` : ""}`));
  });
  const tiers = columns.has(y) && !state.slice && points.some((one) => one.cell && one.cell.t);
  $("plot").append(plot, make("p", { class: "small", text: `${tiers ? `Colours alternate from tier to tier, on ${count(columns.get(y).ranked)} common samples.` : "Intervals only: the models were not ranked here."}${chance !== null && chance !== undefined ? " Dashed: chance." : ""}` }));
}

function drawHeat() {
  $("controls").append(choice("Show", "heat", [["values", "values, coloured within each task"], ["wins", "share of common tasks won, model against model"]], state.heat));
  const shown = current.shown.filter((row) => !row.known).slice(0, 80), wins = state.heat === "wins";
  const across = wins ? shown.map((row) => row.name) : picked().map((one) => one.title);
  const size = wins ? 46 : 74, high = 30, L = 200, T = 120, W = L + size * across.length + 120, H = T + high * shown.length + 8;
  const plot = draw("svg", { viewBox: `0 0 ${W} ${H}`, width: W, height: H, role: "img", "aria-label": wins ? "Share of common tasks on which the model of the row is ahead of that of the column" : "Figures by model and task" });
  across.forEach((name, place) => {
    const at = L + size * (place + 0.5);
    plot.append(titled(draw("text", { class: "tick-text", transform: `translate(${at + 4} ${T - 8}) rotate(-38)`, text: shortened(name, 22) }), name));
  });
  const box = (row, place, share, text, words) => {
    const group = draw("g", {}, draw("rect", { class: share === null ? "hole" : "heat", x: L + size * place + 1, y: T + high * row + 1, width: size - 2, height: high - 2, rx: 3, "fill-opacity": share === null ? 1 : 0.06 + 0.54 * share }));
    group.append(draw("text", { x: L + size * (place + 0.5), y: T + high * (row + 0.5) + 4, "text-anchor": "middle", text }));
    plot.append(titled(group, words));
  };
  shown.forEach((row, line) => {
    plot.append(titled(draw("text", { x: L - 8, y: T + high * (line + 0.5) + 4, "text-anchor": "end", text: shortened(row.name, 28) }), row.name));
    if (wins) shown.forEach((other, place) => {
      if (row === other) return;
      const both = picked().filter((one) => figure(row, one.id) && figure(other, one.id) && row.cells.get(one.id).ok && other.cells.get(one.id).ok);
      const won = both.reduce((sum, one) => sum + (1 + Math.sign(figure(row, one.id)[0] - figure(other, one.id)[0]) * (one.up ? 1 : -1)) / 2, 0);
      box(line, place, both.length ? won / both.length : null, both.length ? `${Math.round(100 * won / both.length)}` : "—", both.length ? `${row.name} ahead of ${other.name} on ${won} of n = ${both.length} common tasks` : `${row.name} and ${other.name} have no task in common`);
    });
    else picked().forEach((one, place) => {
      const own = figure(row, one.id);
      if (!own) return box(line, place, null, "—", `${row.name} on ${one.title}: ${row.cells.has(one.id) ? "no figure" : "not run"}`);
      const all = shown.map((other) => figure(other, one.id)).filter(Boolean).map((other) => other[0]), [low, top] = [Math.min(...all), Math.max(...all)];
      const share = all.length > 1 && top > low ? (own[0] - low) / (top - low) : 0.5;
      box(line, place, all.length < 2 ? 0.1 : one.up ? share : 1 - share, number(own[0], one.top), `${row.name} on ${one.title}: ${number(own[0], one.top)} (${interval(own[1], own[2], one.top)}), n ${count(own[3])}`);
    });
  });
  $("plot").append(make("div", { class: "wide-plot", tabindex: "0", role: "region", "aria-label": "Heat map" }, plot), make("p", { class: "small", text: wins ? "Each cell: of n tasks that both models have, the per cent on which the model of the row is ahead; a draw is a half. Point at a cell for n. It counts figures, not whether they can be told apart." : "The darker, the better among the models shown on that task. Point at a cell for interval and n." }));
}

function drawRadar() {
  const able = picked().filter((one) => one.slices.length && current.shown.some((row) => figureOf(row, one)));
  const column = able.find((one) => one.id === state.y) || able.sort((one, two) => filled(two.id) - filled(one.id))[0];
  if (!column) return $("plot").append(make("p", { class: "small", text: "No task of the table has categories among the models shown." }));
  const tags = [...new Set(column.slices.map((name) => name.split("=")[0]))], tag = tags.includes(state.tag) ? state.tag : tags[0];
  const names = column.slices.filter((name) => name.startsWith(`${tag}=`)).slice(0, 24);
  $("controls").append(choice("Task", "y", able.map((one) => [one.id, one.title]), column.id), choice("Categories", "tag", tags.map((one) => [one, one]), tag));
  const part = (row, name) => { const cell = row.cells.get(column.id); return cell && cell.s && cell.s[name] || null; };
  const shown = current.shown.filter((row) => names.some((name) => part(row, name))).slice(0, SHOWN_IN_RADAR);
  const all = shown.flatMap((row) => names.map((name) => part(row, name)).filter(Boolean).map((one) => one[0])), top = column.top || Math.max(...all);
  const label = (name) => name.slice(tag.length + 1);
  if (names.length >= 3) {
    const small = innerWidth < 760, W = small ? 330 : 640, H = small ? 300 : 460, cx = W / 2, cy = H / 2, radius = small ? 82 : 160;
    const at = (place, share) => { const angle = 2 * Math.PI * place / names.length - Math.PI / 2; return [cx + radius * share * Math.cos(angle), cy + radius * share * Math.sin(angle)]; };
    const plot = draw("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `${column.title} by ${tag}, ${shown.length} models; the table below has the figures` });
    for (const share of [0.25, 0.5, 0.75, 1]) plot.append(draw("polygon", { class: "grid", fill: "none", points: names.map((_, place) => at(place, share).join(",")).join(" ") }), draw("text", { class: "tick-text", x: cx + 4, y: cy - radius * share + 4, text: +(top * share).toPrecision(3) }));
    names.forEach((name, place) => {
      const [x, y] = at(place, 1.1);
      plot.append(draw("line", { class: "grid", x1: cx, y1: cy, x2: at(place, 1)[0], y2: at(place, 1)[1] }), titled(draw("text", { class: "tick-text", x, y: y + 4, "text-anchor": Math.abs(x - cx) < 12 ? "middle" : x > cx ? "start" : "end", text: shortened(label(name), small ? 12 : 22) }), label(name)));
    });
    shown.forEach((row, place) => plot.append(titled(draw("polygon", { class: `series c${place}`, points: names.map((name, at_) => at(at_, part(row, name) ? Math.max(0, part(row, name)[0] / top) : 0).join(",")).join(" ") }), row.name)));
    const key = shown.map((row, place) => make("li", {}, draw("svg", { viewBox: "0 0 12 12", "aria-hidden": "true" }, draw("rect", { class: `c${place}`, width: 12, height: 12, rx: 3 })), row.name));
    $("plot").append(make("ul", { class: "key" }, ...key), plot);
  }
  const left = current.shown.filter((row) => names.some((name) => part(row, name))).length - shown.length;
  const table = make("table", { class: "small-table" }, make("thead", {}, make("tr", {}, make("th", { scope: "col", text: tag }), ...shown.map((row) => make("th", { scope: "col", text: row.name })))),
    make("tbody", {}, ...names.map((name) => make("tr", {}, make("th", { scope: "row", text: label(name) }), ...shown.map((row) => { const own = part(row, name); return make("td", { text: own ? `${number(own[0], column.top)} (${interval(own[1], own[2], column.top)}), n ${count(own[3])}` : "—" }); })))));
  $("plot").append(make("div", { class: "wide-plot", tabindex: "0", role: "region", "aria-label": "Figures by category" }, table), make("p", { class: "small", text: left > 0 ? `The first ${shown.length} models of the table's order are shown, ${left} more have these categories.` : "" }));
}

const figureOf = (row, column) => { const cell = row.cells.get(column.id); return cell && cell.s; };

function drawPlot() {
  ({ scatter: drawScatter, dots: drawDots, heat: drawHeat, radar: drawRadar })[state.view]();
}
