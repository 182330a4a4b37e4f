"use strict";
const DATA = JSON.parse(document.getElementById("data").textContent);
const $ = (id) => document.getElementById(id);
const CHUNK = 12; // rows drawn at once: a screen of them; more come as one scrolls
const VIEWS = ["table", "scatter", "dots", "heat", "radar"];
const columns = new Map(DATA.columns.map((one) => [one.id, one]));
const suites = new Map(DATA.suites.map((one) => [one.name, one]));
const cells = new Map();
for (const cell of DATA.cells) {
  if (!cells.has(cell.m)) cells.set(cell.m, new Map());
  cells.get(cell.m).set(cell.c, cell);
}
const rows = DATA.rows.map((row) => ({
  ...row, cells: cells.get(row.name) || new Map(),
  text: [row.name, row.family, row.vision, row.language, row.licence, row.card].join(" ").toLowerCase(),
}));
const knownRows = [...DATA.known.reduce((found, one) => {
  if (!found.has(one.m)) found.set(one.m, { name: one.m, known: new Map(), text: one.m.toLowerCase(), cells: new Map() });
  found.get(one.m).known.set(one.c, one);
  return found;
}, new Map()).values()];
const FIELDS = ["q", "family", "licence", "access", "pmin", "pmax", "from", "to", "slice"];
const FREE = new Set(["q", "pmin", "pmax", "from", "to"]);
let state = {};

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") node.textContent = value;
    else if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

const number = (value, top) => value.toFixed(top || Math.abs(value) >= 10 ? 1 : 3);
const interval = (low, high, top) => low === undefined || low === null || high === null || high === undefined ? "no interval" : `${number(low, top)} – ${number(high, top)}`;
const count = (value) => value.toLocaleString("en");
const coverage = (share) => `${(Math.floor(1000 * share) / 10).toFixed(1)} %`;
const billions = (value) => value >= 0.1 ? `${+value.toFixed(value >= 10 ? 0 : 1)} B` : `${+(1000 * value).toFixed(value >= 0.001 ? 0 : 2)} M`;

/* The state of the page is the fragment of its address: #q=llava&tasks=mmstar,pope&sort=avg */
function readState() {
  const given = new URLSearchParams(location.hash.slice(1));
  const list = (name) => (given.get(name) || "").split(",").map(decodeURIComponent).filter(Boolean);
  state = { view: VIEWS.includes(given.get("view")) ? given.get("view") : "table", sort: given.get("sort") || "", dir: given.get("dir") || "", tasks: list("tasks"), published: given.get("published") === "1", model: given.get("model") || "", x: given.get("x") || "params", y: given.get("y") || "", heat: given.get("heat") || "values", tag: given.get("tag") || "" };
  for (const name of FIELDS) state[name] = given.get(name) || "";
}

function writeState(push) {
  const parts = [];
  const put = (name, value) => { if (value) parts.push(`${name}=${encodeURIComponent(value)}`); };
  for (const name of FIELDS) put(name, state[name].trim());
  put("tasks", state.tasks.map(encodeURIComponent).join(","));
  put("published", state.published ? "1" : "");
  put("sort", state.sort); put("dir", state.dir); put("view", state.view === "table" ? "" : state.view);
  put("x", state.x === "params" ? "" : state.x); put("y", state.y); put("heat", state.heat === "values" ? "" : state.heat);
  put("tag", state.tag); put("model", state.model);
  const hash = parts.length ? `#${parts.join("&")}` : "#";
  if (hash === (location.hash || "#")) return;
  if (push) history.pushState(null, "", hash); else history.replaceState(null, "", hash);
}

function change(values, push = true) {
  Object.assign(state, values);
  writeState(push);
  apply();
}

/* The tasks of the table: those that were picked, else those on which some model shown has a figure. */
let filledColumns = DATA.columns;
const picked = () => state.tasks.length ? DATA.columns.filter((one) => state.tasks.includes(one.id)) : filledColumns;

function matches(row) {
  if (state.q && !state.q.toLowerCase().split(/\s+/).every((word) => row.text.includes(word))) return false;
  if (row.known) return !(state.family || state.licence || state.access || state.pmin || state.pmax || state.from || state.to);
  if (state.family && row.family !== state.family) return false;
  if (state.licence && row.licence !== state.licence) return false;
  if (state.access && row.access !== state.access) return false;
  if (state.pmin && !(row.params !== null && row.params >= +state.pmin)) return false;
  if (state.pmax && !(row.params !== null && row.params <= +state.pmax)) return false;
  if (state.from && !(row.released && row.released >= state.from.slice(0, row.released.length))) return false;
  if (state.to && !(row.released && row.released.slice(0, state.to.length) <= state.to)) return false;
  return true;
}

/* The figure that the page shows of a cell: [value, low, high, n], of the chosen slice where there is one; null without. */
function figure(row, id) {
  const cell = row.cells.get(id);
  if (!cell) return null;
  if (state.slice) return cell.s && cell.s[state.slice] || null;
  return cell.v === undefined ? null : [cell.v, cell.l, cell.h, cell.n];
}

/* The average over the tasks that all shown models have, complete and as a share of 100; and which those are. */
function common(shown) {
  const measured = shown.filter((row) => !row.known);
  const inside = [], outside = [];
  for (const column of picked()) {
    const all = measured.length && measured.every((row) => figure(row, column.id) && row.cells.get(column.id).ok);
    if (column.top && all && column.up) inside.push(column);
    else outside.push([column, !column.top ? "no share of 100" : !column.up ? "lower is better" : `${measured.filter((row) => figure(row, column.id) && row.cells.get(column.id).ok).length} of ${measured.length} models`]);
  }
  return { inside, outside, models: measured.length };
}

function average(row, inside) {
  if (row.known || !inside.length) return null;
  let value = 0, bounded = true;
  const errors = {};
  for (const column of inside) {
    const own = figure(row, column.id);
    value += own[0] / inside.length;
    if (own[1] === null || own[1] === undefined || own[2] === null || own[2] === undefined) bounded = false;
    else errors[column.bench] = (errors[column.bench] || 0) + (own[2] - own[1]) / 2 / inside.length;
  }
  const half = Math.hypot(...Object.values(errors));
  return bounded ? [value, value - half, value + half, inside.length] : [value, null, null, inside.length];
}

function ordered(shown, inside) {
  const sort = state.sort || (inside.length ? "avg" : "figures");
  const column = columns.get(sort);
  const down = state.dir ? state.dir === "down" : !(sort === "name" || sort === "params" || column && !column.up);
  const key = (row) => {
    if (sort === "name") return row.name.toLowerCase();
    if (sort === "figures") return row.cells.size;
    if (sort === "params" || sort === "released" || sort === "speed") return row[sort] || null;
    if (sort === "avg") return (average(row, inside) || [null])[0];
    if (suites.has(sort)) return (suites.get(sort).cells[row.name] || [null])[0];
    if (row.known) return row.known.has(sort) ? row.known.get(sort).v : null;
    return (figure(row, sort) || [null])[0];
  };
  return shown.map((row) => [key(row), row]).sort((one, two) => {
    if (one[0] === null || two[0] === null) return (one[0] === null) - (two[0] === null) || (one[1].name < two[1].name ? -1 : 1);
    if (one[0] === two[0]) return one[1].name < two[1].name ? -1 : 1;
    return (one[0] < two[0] ? -1 : 1) * (down ? -1 : 1);
  }).map(([, row]) => row);
}

function markNode(marks, slice) {
  const mark = (marks || []).find((one) => one.slice === slice);
  if (!mark) return null;
  const said = mark.is === "reproduced" ? ["good", "reproduced"] : mark.is === "differs" ? ["bad", `differs by ${mark.d > 0 ? "+" : "−"}${Math.abs(mark.d).toFixed(1)}`] : ["soft", "not comparable"];
  return make("span", { class: "line", title: `${mark.words}. Source: ${mark.source}${mark.note ? `; ${mark.note}` : ""}` }, `published ${mark.v}: `, make("span", { class: said[0], text: said[1] }));
}

function cellNode(row, column) {
  if (row.known) {
    const one = row.known.get(column.id);
    if (!one) return make("td", {}, make("span", { class: "none", text: "—" }));
    return make("td", {}, make("span", { class: "value", text: one.v }), make("span", { class: "line", text: `published${one.n ? `, n ${count(one.n)}` : ""}` }), make("span", { class: "line", text: one.s }));
  }
  const cell = row.cells.get(column.id), own = figure(row, column.id);
  if (!cell) return make("td", {}, make("span", { class: "none", text: "not run" }));
  if (!own) return make("td", {}, make("span", { class: "none", text: state.slice ? "no such slice" : "no score" }));
  const text = number(own[0], column.top);
  const value = cell.page ? make("a", { class: "value", href: cell.page, text }) : make("span", { class: "value", text });
  const ranked = cell.t !== undefined && !state.slice;
  const rank = ranked ? cell.r[0] === cell.r[1] ? `rank ${cell.r[0]}` : `rank ${cell.r[0]} to ${cell.r[1]}` : "";
  return make("td", {},
    value, ranked ? make("span", { class: cell.t === 1 ? "tier first" : "tier", title: `tier ${cell.t}, ${rank} on ${count(column.ranked)} common samples`, text: `T${cell.t}` }) : null,
    make("span", { class: "line", text: interval(own[1], own[2], column.top) }),
    make("span", { class: "line", text: `n ${count(own[3])}${state.slice ? "" : ` · ${coverage(cell.cov)}`}` }),
    cell.ok ? null : make("span", { class: "line warn-text", text: "incomplete" }),
    markNode((cell.p || []).filter((one) => one.metric === column.metric), state.slice));
}

function averageNode(own, top) {
  if (!own || own[0] === null) return make("td", {}, make("span", { class: "none", text: "—" }));
  return make("td", {}, make("span", { class: "value", text: number(own[0], top) }), make("span", { class: "line", text: interval(own[1], own[2], top) }), make("span", { class: "line", text: own[4] || `${own[3]} task${own[3] > 1 ? "s" : ""}` }));
}

function suiteNode(suite, row) {
  const own = suite.cells[row.name];
  if (own && own[0] !== null) return averageNode([own[0], own[1], own[2], 0, `all ${suite.tasks.length} tasks`], 100);
  const missing = own ? own[3] : suite.tasks;
  return make("td", { title: `missing: ${missing.join(", ")}` }, make("span", { class: "none", text: "—" }), make("span", { class: "line", text: row.known ? "" : `${missing.length} of ${suite.tasks.length} missing` }));
}

function factsOf(row) {
  if (row.known) return "published figures";
  const mark = (name) => row.unverified.includes(name) ? "?" : "";
  const facts = [row.params ? billions(row.params) + mark("parameters") : "", row.access === "api" ? "API" : "", row.licence ? row.licence + mark("licence") : "", row.released ? row.released.slice(0, 7) + mark("released") : ""];
  return facts.filter(Boolean).join(" · ");
}

function nameNode(row) {
  const label = row.known ? make("b", { text: row.name }) : make("button", { type: "button", class: "open", text: row.name, onclick: () => change({ model: row.name }) });
  return make("th", { scope: "row", class: "name" }, label, make("span", { class: "facts", text: factsOf(row) }));
}

const bodies = new Map(); // by model: the cells of its row, kept while columns and slice stay
let layout = "";

function rowNode(row, shownColumns, shared) {
  let node = bodies.get(row);
  if (!node) {
    node = make("tr", row.known ? { class: "known" } : {}, nameNode(row), averaged() ? make("td") : "", ...shownSuites().map((suite) => suiteNode(suite, row)), ...shownColumns.map((column) => cellNode(row, column)));
    bodies.set(row, node);
  }
  if (averaged()) node.replaceChild(averageNode(average(row, shared.inside), 100), node.children[1]);
  return node;
}

const averaged = () => current.inside.length > 0;
const shownSuites = () => state.slice ? [] : DATA.suites.filter((suite) => !state.tasks.length || suite.tasks.every((task) => state.tasks.includes(task)));

function headNode(id, title, small) {
  const sorted = (state.sort || (current.inside.length ? "avg" : "")) === id;
  const column = columns.get(id);
  const natural = id === "name" || column && !column.up ? "up" : "down";
  const dir = sorted ? state.dir || natural : "";
  const next = sorted ? (dir === "down" ? "up" : "down") : natural;
  return make("th", { scope: "col", class: id === "name" ? "name" : null, "aria-sort": sorted ? (dir === "down" ? "descending" : "ascending") : "none" },
    make("button", { type: "button", "data-sort": id, onclick: () => change({ sort: id, dir: next === natural ? "" : next }) }, title, make("small", { text: small })));
}

let current = { shown: [], inside: [], outside: [], models: 0 };
let drawnRows = 0, drawnHead = "";

function drawHead(shownColumns) {
  const several = (column) => column.id !== column.task ? `asked otherwise: ${column.id.split("~")[1]}` : column.metric;
  const heads = [...(averaged() ? [headNode("avg", "Average", `${current.inside.length} common task${current.inside.length > 1 ? "s" : ""}`)] : []),
    ...shownSuites().map((suite) => headNode(suite.name, suite.title, `suite of ${suite.tasks.length}`)), ...shownColumns.map((column) => headNode(column.id, column.title, several(column)))];
  $("table").style.setProperty("--cells", heads.length);
  $("table").tHead.replaceChildren(make("tr", {}, headNode("name", "Model", `${current.shown.length} shown`), ...heads));
}

function drawTable() {
  const shownColumns = picked();
  const now = JSON.stringify([state.slice, averaged(), shownColumns.map((one) => one.id)]);
  if (now !== layout) { bodies.clear(); layout = now; }
  const head = JSON.stringify([now, state.sort, state.dir, current.inside.length, current.shown.length]);
  if (head !== drawnHead) { drawnHead = head; drawHead(shownColumns); }
  $("table").tBodies[0].replaceChildren();
  drawnRows = 0;
  more();
  requestAnimationFrame(fillUp);
}

function fillUp() {
  const box = $("scroll");
  if (box.hidden || drawnRows >= current.shown.length || box.scrollHeight > box.clientHeight + 300) return;
  more();
  requestAnimationFrame(fillUp);
}

function more(all = false) {
  const end = all ? current.shown.length : Math.min(drawnRows + CHUNK, current.shown.length);
  const shownColumns = picked();
  $("table").tBodies[0].append(...current.shown.slice(drawnRows, end).map((row) => rowNode(row, shownColumns, current)));
  drawnRows = end;
}

function said() {
  const { inside, outside, models } = current;
  const left = outside.filter(([, why]) => why).map(([column, why]) => `${column.title} (${why})`);
  const slice = state.slice ? ` Slice ${state.slice}.` : "";
  if (!models) return "No model matches the filters.";
  const short = (list) => list.length > 12 ? `${list.slice(0, 12).join("; ")}; and ${list.length - 12} more` : list.join("; ");
  const out = left.length ? ` Not in it: ${short(left)}.` : "";
  const hidden = state.tasks.length ? 0 : DATA.columns.length - filledColumns.length;
  const empty = hidden ? ` ${hidden} task${hidden > 1 ? "s" : ""} without a figure of the models shown ${hidden > 1 ? "are" : "is"} left out.` : "";
  if (!inside.length) return `No average: no task of the table is common to all ${models} models shown. Pick tasks, or fewer models.${empty}${slice}`;
  return `Average over the ${inside.length} task${inside.length > 1 ? "s" : ""} common to the ${models} model${models > 1 ? "s" : ""} shown: ${short(inside.map((one) => one.title))}.${out}${empty}${slice}`;
}

function apply() {
  const measured = rows.filter(matches);
  filledColumns = measured.length ? DATA.columns.filter((one) => measured.some((row) => figure(row, one.id))) : DATA.columns;
  const shown = measured.concat(state.published ? knownRows.filter((row) => matches(row) && picked().some((one) => row.known.has(one.id))) : []);
  current = { ...common(shown) };
  current.shown = ordered(shown, current.inside);
  $("found").textContent = `${current.models} of ${rows.length} models`;
  $("average").textContent = said();
  const active = FIELDS.slice(1).filter((name) => state[name]).length;
  $("filtered").textContent = active ? `(${active} set)` : "";
  if (active) $("filters").open = true;
  $("picked").textContent = state.tasks.length ? `(${picked().length} of ${DATA.columns.length})` : `(all ${DATA.columns.length})`;
  for (const tab of document.querySelectorAll("[role=tab]")) {
    const on = tab.dataset.view === state.view;
    tab.setAttribute("aria-selected", on); tab.tabIndex = on ? 0 : -1;
  }
  $("panel").setAttribute("aria-labelledby", `tab-${state.view}`);
  $("scroll").hidden = state.view !== "table";
  $("controls").replaceChildren(); $("plot").replaceChildren();
  if (state.view === "table") drawTable(); else drawPlot();
  for (const name of FIELDS) if ($(name).value !== state[name] && $(name) !== document.activeElement) $(name).value = state[name];
  $("published").checked = state.published;
  for (const box of $("columns").querySelectorAll("input")) box.checked = !state.tasks.length || state.tasks.includes(box.value);
  showDetail();
}
