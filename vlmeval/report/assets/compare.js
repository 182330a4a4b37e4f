"use strict";
(() => {
  const { make, option, chip, question, pass, closeZoom } = Parts;
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows, pieces = new Pieces(data);
  const byId = (id) => document.getElementById(id);
  const detail = byId("detail"), panes = document.querySelector(".panes");
  const list = new VirtualList(byId("list"), fill, (position) => open(position, true));
  const pairSelect = byId("filter-pair"), toSelect = byId("filter-to"), causeSelect = byId("filter-cause"), tagBox = byId("filter-tags"), search = byId("search");
  const UP = { right: "to right", wrong: "to wrong", higher: "higher", lower: "lower" };
  let shown = [], current = -1, opened = "";

  const nameOf = (row) => row.pair + ":" + row.id;

  function wordsOf(place) {
    const row = rows[place];
    if (row.found === undefined) {
      let words = row.id + "\n" + row.summary + "\n" + (row.words || "");
      if (row.words === undefined) pieces.get(place, (one) => {
        if (!one) return;
        const texts = [...one.question, ...one.choices.flat()].filter((part) => typeof part === "string");
        for (const side of one.sides) for (const each of side.passes) texts.push(each.reply || each.message || "");
        words += "\n" + texts.join("\n");
      });
      row.found = words.toLowerCase();
    }
    return row.found;
  }

  function counted(key) {
    const counts = new Map();
    for (const row of rows) counts.set(row[key], (counts.get(row[key]) || 0) + 1);
    return counts;
  }

  function fillFilters() {
    const pairs = counted("pair"), ways = counted("to"), causes = counted("cause"), tags = new Map();
    option(pairSelect, "", "all flips (" + rows.length + ")");
    data.pairs.forEach((pair, place) => { if (pairs.has(place)) option(pairSelect, String(place), pair.task + ", " + pair.model + " (" + pairs.get(place) + ")"); });
    pairSelect.hidden = data.pairs.length < 2;
    option(toSelect, "", "both directions");
    for (const name of Object.keys(UP)) if (ways.has(name)) option(toSelect, name, UP[name] + " (" + ways.get(name) + ")");
    option(causeSelect, "", "all causes");
    for (const name of data.causes) if (causes.has(name)) option(causeSelect, name, name + " (" + causes.get(name) + ")");
    for (const row of rows) for (const [tag, value] of Object.entries(row.tags)) {
      if (!tags.has(tag)) tags.set(tag, new Map());
      for (const one of value.split("\n")) tags.get(tag).set(one, (tags.get(tag).get(one) || 0) + 1);
    }
    for (const [tag, values] of tags) {
      if (values.size < 2 || values.size > 200) continue;
      const select = make("select"); select.dataset.tag = tag; select.setAttribute("aria-label", tag);
      option(select, "", tag);
      for (const [value, count] of [...values].sort((a, b) => a[0].localeCompare(b[0]))) option(select, "=" + value, value + " (" + count + ")");
      select.addEventListener("change", changed);
      tagBox.append(select);
    }
  }

  function refresh() {
    const text = search.value.trim().toLowerCase();
    const tags = [...tagBox.children].filter((select) => select.value).map((select) => [select.dataset.tag, select.value.slice(1)]);
    shown = [];
    rows.forEach((row, place) => {
      if (pairSelect.value && String(row.pair) !== pairSelect.value) return;
      if (toSelect.value && row.to !== toSelect.value) return;
      if (causeSelect.value && row.cause !== causeSelect.value) return;
      if (!tags.every(([tag, value]) => tag in row.tags && row.tags[tag].split("\n").includes(value))) return;
      if (!text || wordsOf(place).includes(text)) shown.push(place);
    });
    byId("found").textContent = shown.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
    list.show(shown.length);
    const kept = shown.indexOf(current);
    if (kept >= 0) list.select(kept);
    else if (shown.length && window.innerWidth > 760) open(0, false);
    else if (!shown.length) { current = -1; detail.replaceChildren(make("p", "small", rows.length ? "No flip fits these filters." : "No sample flips.")); }
  }

  function address() {
    const pairs = [["pair", pairSelect.value], ["to", toSelect.value], ["cause", causeSelect.value], ["q", search.value.trim()]];
    for (const select of tagBox.children) pairs.push(["tag." + select.dataset.tag, select.value.slice(1)]);
    Address.write(opened, pairs);
  }

  function changed() { refresh(); address(); }

  function fill(line, position) {
    const row = rows[shown[position]], sign = make("span", "mark " + (row.gain ? "right" : "wrong"), row.gain ? "▲" : "▼");
    sign.title = UP[row.to]; sign.setAttribute("role", "img"); sign.setAttribute("aria-label", UP[row.to]);
    line.append(sign, make("span", "text", row.summary), make("span", "id", row.id));
  }

  function open(position, chosen) {
    if (position < 0 || position >= shown.length) return;
    const place = shown[position];
    current = place;
    list.select(position);
    if (chosen) { panes.classList.add("open"); opened = nameOf(rows[place]); address(); }
    pieces.get(place, (one) => {
      if (current !== place) return;
      if (one) draw(rows[place], one);
      else detail.replaceChildren(back(), make("p", "notes", "The file with this sample is not beside the page: " + data.folder + ". Write the page again: vlmeval compare --html."));
      detail.scrollTop = 0;
    });
  }

  function back() {
    const button = make("button", "back", "← all flips"); button.type = "button";
    button.addEventListener("click", () => panes.classList.remove("open"));
    return button;
  }

  function draw(row, one) {
    const pair = data.pairs[row.pair], head = make("div", "head"), sides = make("div", "sides");
    head.append(make("h3", "", one.id), chip(UP[row.to], row.gain ? "right" : "wrong"), chip(row.cause), chip(pair.task));
    for (const [tag, value] of Object.entries(row.tags)) head.append(chip(tag + ": " + value.split("\n").join(", ")));
    one.sides.forEach((side, place) => {
      const box = make("section", "side"), title = make("h4", "", place ? pair.model : pair.baseline);
      box.append(title);
      if (side.state !== "answered") title.append(" ", chip(side.state, side.state));
      if (pair.links[place]) {
        const link = make("a", "link", "in its run");
        link.href = pair.links[place].split("/").map((part) => (part === ".." ? part : encodeURIComponent(part))).join("/") + "#" + encodeURIComponent(one.id);
        title.append(" ", link);
      }
      for (const each of side.passes) box.append(pass(each));
      sides.append(box);
    });
    detail.replaceChildren(back(), head, question(one), sides);
  }

  const position = () => shown.indexOf(current);
  function nextLoss(step) {
    for (let at = position() + step; at >= 0 && at < shown.length; at += step) if (!rows[shown[at]].gain) return open(at, true);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (!closeZoom()) { panes.classList.remove("open"); document.activeElement.blur(); } return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    const inList = document.activeElement === list.host;
    if (event.key === "j" || (event.key === "ArrowDown" && inList)) open(position() + 1, true);
    else if (event.key === "k" || (event.key === "ArrowUp" && inList)) open(position() - 1, true);
    else if (event.key === "n") nextLoss(1);
    else if (event.key === "N" || event.key === "p") nextLoss(-1);
    else if (event.key === "/") search.focus();
    else return;
    event.preventDefault();
  });
  for (const control of [pairSelect, toSelect, causeSelect]) control.addEventListener("change", changed);
  search.addEventListener("input", changed);

  function restore() {
    const { id, query } = Address.read();
    const set = (select, value) => { if (value && [...select.options].some((item) => item.value === value)) select.value = value; };
    set(pairSelect, query.get("pair")); set(toSelect, query.get("to")); set(causeSelect, query.get("cause")); search.value = query.get("q") || "";
    for (const select of tagBox.children) { const value = query.get("tag." + select.dataset.tag); if (value !== null) set(select, "=" + value); }
    const wanted = id ? rows.findIndex((row) => nameOf(row) === id) : -1;
    current = wanted;
    refresh();
    if (wanted < 0) return;
    if (!shown.includes(wanted)) {
      for (const control of [pairSelect, toSelect, causeSelect, search, ...tagBox.children]) control.value = "";
      current = wanted;
      refresh();
    }
    open(shown.indexOf(wanted), true);
  }

  if (data.searched) search.title = "searches id, question and choices, and the first " + data.searched + " characters of each reply";
  fillFilters();
  restore();
  window.addEventListener("hashchange", () => { const { id } = Address.read(); if (id && id !== opened) restore(); });
})();
