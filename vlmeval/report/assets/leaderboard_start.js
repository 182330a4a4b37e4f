function fact(label, value, unsure) {
  if (value === null || value === undefined || value === "") return [];
  return [make("dt", { text: label }), make("dd", {}, String(value), unsure ? make("span", { class: "doubt", title: "not read at its source", text: " ? not verified" }) : null)];
}

function figureBlock(cell) {
  const column = columns.get(cell.c), block = make("section");
  const heading = make("h3", {}, cell.page ? make("a", { href: cell.page, text: column.title }) : column.title);
  block.append(heading);
  if (cell.v === undefined) block.append(make("p", { text: "no score" }));
  else block.append(make("p", { text: `${column.name}: ${number(cell.v, column.top)} (${interval(cell.l, cell.h, column.top)}), n ${count(cell.n)}, coverage ${coverage(cell.cov)}${cell.ok ? "" : ", run not complete"}${cell.t ? `; tier ${cell.t}, rank ${cell.r[0]}${cell.r[0] === cell.r[1] ? "" : ` to ${cell.r[1]}`} on ${count(column.ranked)} common samples` : "; not ranked"}` }));
  for (const [name, own] of Object.entries(cell.x || {})) block.append(make("p", { class: "small", text: `${name}: ${number(own[0])} (${interval(own[1], own[2])}), n ${count(own[3])}` }));
  for (const mark of cell.p || []) block.append(make("p", { class: mark.is === "reproduced" ? "good" : mark.is === "differs" ? "bad" : "soft", text: `published ${mark.metric}${mark.slice ? ` ${mark.slice}` : ""} ${mark.v} (${mark.source}${mark.note ? `; ${mark.note}` : ""}): ${mark.words}` }));
  for (const note of cell.notes || []) block.append(make("p", { class: "small", text: note }));
  block.append(make("p", { class: "mono", text: `${cell.sig}  run ${cell.run}${cell.more ? `; older: ${cell.more.join(", ")}` : ""}` }));
  return block;
}

function showDetail() {
  const dialog = $("detail"), row = rows.find((one) => one.name === state.model);
  if (!row) { if (dialog.open) dialog.close(); return; }
  const unsure = (name) => row.unverified.includes(name);
  const missing = DATA.columns.filter((one) => !row.cells.has(one.id)).map((one) => one.title);
  $("detail-body").replaceChildren(make("h2", { id: "detail-name", text: row.name }),
    make("dl", {}, ...fact("family", row.family), ...fact("parameters", row.params && billions(row.params) + (row.active ? `, ${billions(row.active)} active` : ""), unsure("parameters")), ...fact("licence", row.licence, unsure("licence")), ...fact("weights", row.access === "api" ? "behind an API" : row.access, unsure("access")),
      ...fact("vision encoder", row.vision, unsure("vision")), ...fact("language model", row.language, unsure("language")), ...fact("released", row.released, unsure("released")), ...fact("answers a second", row.speed && `${+row.speed.toPrecision(3)}${row.hardware ? ` (${row.hardware})` : ""}`), ...fact("peak memory", row.memory && `${row.memory.toFixed(2)} GiB`)),
    ...[...row.cells.values()].map(figureBlock), missing.length ? make("p", { class: "small", text: `Not run: ${missing.join(", ")}.` }) : "");
  if (!dialog.open) dialog.showModal();
}

function studyNode(study) {
  const byModel = new Map(study.ratings.map((one) => [one.model, one]));
  const top = [...study.correlations].sort((one, two) => two.tau - one.tau);
  const name = (id) => columns.has(id) ? columns.get(id).title : suites.has(id) ? suites.get(id).title : id;
  const card = make("div", { class: "card" }, make("h2", { text: `Human ratings: ${study.name}` }), make("p", { class: "small", text: `${count(study.votes)} votes, ${study.method}; ${study.ratings.length} models of the board${study.unmatched.length ? `, ${study.unmatched.length} others` : ""}` }));
  card.append(make("table", { class: "small-table" }, make("thead", {}, make("tr", {}, ...["model", "rating", "95 % interval", "tier", "votes"].map((text) => make("th", { scope: "col", text })))),
    make("tbody", {}, ...[...byModel.values()].sort((one, two) => two.rating - one.rating).map((one) => make("tr", {}, make("th", { scope: "row", text: one.model }), make("td", { text: one.rating.toFixed(0) }), make("td", { text: `${one.low.toFixed(0)} – ${one.high.toFixed(0)}` }), make("td", { text: one.tier ?? "—" }), make("td", { text: count(one.votes) }))))));
  card.append(make("p", { class: "small", text: top.length ? "Kendall's tau-b of the ratings and each metric, over the models that have both:" : "Too few models have both a rating and a figure (three are needed) to say how the two go together." }));
  if (top.length) card.append(make("ul", { class: "plain" }, ...top.map((one) => make("li", { text: `${name(one.column)}: ${one.tau.toFixed(2)} (${one.models} models)` }))));
  return card;
}

function fill(id, label, values) {
  const select = $(id);
  select.append(make("option", { value: "", text: label }), ...[...new Set(values.filter(Boolean))].sort().map((text) => make("option", { value: text, text })));
}

function fillSlices() {
  const tags = new Map();
  for (const column of DATA.columns) for (const name of column.slices) {
    const tag = name.split("=")[0];
    if (!tags.has(tag)) tags.set(tag, new Set());
    tags.get(tag).add(name);
  }
  $("slice").append(make("option", { value: "", text: "all samples" }), ...[...tags].sort().map(([tag, names]) => make("optgroup", { label: tag }, ...[...names].sort().map((value) => make("option", { value, text: value.slice(tag.length + 1) })))));
}

function pick(ids) {
  change({ tasks: ids.length === DATA.columns.length ? [] : ids });
}

function fillColumns() {
  $("suites").append(make("button", { type: "button", text: "all tasks", onclick: () => pick([]) }), ...DATA.suites.map((suite) => make("button", { type: "button", text: suite.title, title: suite.recipe, onclick: () => pick(suite.tasks.filter((task) => columns.has(task))) })));
  $("columns").append(...DATA.columns.map((column) => make("label", { title: `${column.way}${column.source ? ` · ${column.source}` : ""}` }, make("input", { type: "checkbox", value: column.id, onchange: () => {
    const ids = [...$("columns").querySelectorAll("input:checked")].map((box) => box.value);
    pick(ids.length ? ids : []);
  } }), `${column.title}${column.id === column.task ? "" : ` (${column.id.split("~")[1]})`}`)));
}

function focusModel(step) {
  const buttons = [...document.querySelectorAll(".lb .open")];
  const at = buttons.indexOf(document.activeElement);
  if (at + step >= buttons.length) more();
  (buttons[at < 0 ? 0 : Math.max(0, Math.min(buttons.length - 1, at + step))] || $("q")).focus();
}

function onKey(event) {
  const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
  if (event.ctrlKey || event.metaKey || event.altKey || $("detail").open) return;
  if (event.target.getAttribute("role") === "tab" && (event.key === "ArrowRight" || event.key === "ArrowLeft")) {
    const next = VIEWS[(VIEWS.indexOf(state.view) + (event.key === "ArrowRight" ? 1 : VIEWS.length - 1)) % VIEWS.length];
    change({ view: next }); $(`tab-${next}`).focus(); event.preventDefault();
  } else if (typing) {
    if (event.key === "Escape") event.target.blur();
  } else if (event.key === "/") { $("q").focus(); event.preventDefault(); }
  else if (event.key === "j") focusModel(1);
  else if (event.key === "k") focusModel(-1);
  else if (event.key >= "1" && event.key <= "5") change({ view: VIEWS[+event.key - 1] });
}

fill("family", "all families", rows.map((row) => row.family));
fill("licence", "all licences", rows.map((row) => row.licence));
$("access").append(...[["", "open and API"], ["open", "open weights"], ["api", "API"]].map(([value, text]) => make("option", { value, text })));
fillSlices();
fillColumns();
$("studies").append(...DATA.studies.map(studyNode));
for (const name of FIELDS) $(name).addEventListener(FREE.has(name) ? "input" : "change", (event) => change({ [name]: event.target.value }, !FREE.has(name)));
$("published").addEventListener("change", (event) => change({ published: event.target.checked }));
$("published").closest("label").hidden = !knownRows.length;
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("reset").addEventListener("click", () => { history.pushState(null, "", "#"); readState(); apply(); });
for (const tab of document.querySelectorAll("[role=tab]")) tab.addEventListener("click", () => change({ view: tab.dataset.view }));
$("close").addEventListener("click", () => $("detail").close());
$("detail").addEventListener("close", () => { if (state.model) change({ model: "" }); });
$("detail").addEventListener("click", (event) => { if (event.target === $("detail")) $("detail").close(); });
document.addEventListener("keydown", onKey);
$("scroll").addEventListener("scroll", () => { const box = $("scroll"); if (drawnRows < current.shown.length && box.scrollTop + box.clientHeight > box.scrollHeight - 600) more(); }, { passive: true });
addEventListener("beforeprint", () => more(true));
for (const name of ["popstate", "hashchange"]) addEventListener(name, () => { readState(); apply(); });
$("filters").open = innerWidth > 760;
readState();
apply();
