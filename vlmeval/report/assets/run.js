"use strict";
(() => {
  const { MARKS, make, option, chip, learn, picture, thumbnail, digestsOf, question, pass, valueText, closeZoom } = Parts;
  const data = JSON.parse(document.getElementById("data").textContent);
  const rows = data.rows, pieces = new Pieces(data);
  const byId = (id) => document.getElementById(id);
  const detail = byId("detail"), panes = document.querySelector(".panes");
  const list = new VirtualList(byId("list"), fill, (position) => open(position, true));
  const resultSelect = byId("filter-result"), tagBox = byId("filter-tags"), sortSelect = byId("sort"), search = byId("search");
  let shown = [], current = -1, opened = "";

  function wordsOf(place) {
    const row = rows[place];
    if (row.found === undefined) {
      let words = row.id + "\n" + row.summary + "\n" + (row.words || "");
      if (row.words === undefined) pieces.get(place, (one) => {
        if (!one) return;
        const texts = [...one.question, ...one.choices.flat()].filter((part) => typeof part === "string");
        for (const each of one.passes) texts.push(each.reply || each.message || "");
        words += "\n" + texts.join("\n");
      });
      row.found = words.toLowerCase();
    }
    return row.found;
  }

  // Filters
  function fillFilters() {
    const counts = {}, tags = new Map();
    let truncated = 0, explained = 0;
    for (const row of rows) {
      counts[row.result] = (counts[row.result] || 0) + 1;
      truncated += Boolean(row.truncated); explained += Boolean(row.explained);
      for (const [tag, value] of Object.entries(row.tags)) {
        if (!tags.has(tag)) tags.set(tag, new Map());
        for (const one of value.split("\n")) tags.get(tag).set(one, (tags.get(tag).get(one) || 0) + 1);
      }
    }
    option(resultSelect, "", "all results (" + rows.length + ")");
    for (const name of Object.keys(MARKS)) if (counts[name]) option(resultSelect, name, name + " (" + counts[name] + ")");
    if (truncated) option(resultSelect, "truncated", "truncated (" + truncated + ")");
    if (explained) option(resultSelect, "explained", "with a heat map (" + explained + ")");
    for (const [tag, values] of tags) {
      if (values.size < 2 || values.size > 200) continue;
      const select = make("select"); select.dataset.tag = tag; select.setAttribute("aria-label", tag);
      option(select, "", tag);
      for (const [value, count] of [...values].sort((a, b) => a[0].localeCompare(b[0]))) option(select, "=" + value, value + " (" + count + ")");
      select.addEventListener("change", changed);
      tagBox.append(select);
    }
    if (!rows.some((row) => typeof row.score === "number")) sortSelect.hidden = true;
    if (data.captions && !sortSelect.hidden) sortSelect.value = "up";
  }

  function refresh() {
    const result = resultSelect.value, text = search.value.trim().toLowerCase();
    const tags = [...tagBox.children].filter((select) => select.value).map((select) => [select.dataset.tag, select.value.slice(1)]);
    shown = [];
    rows.forEach((row, place) => {
      if (result && row.result !== result && !row[result]) return;
      if (!tags.every(([tag, value]) => (row.tags[tag] ?? "").split("\n").includes(value) && tag in row.tags)) return;
      if (!text || wordsOf(place).includes(text)) shown.push(place);
    });
    const way = sortSelect.value === "up" ? 1 : -1;
    if (sortSelect.value) shown.sort((a, b) => way * ((rows[a].score ?? -1) - (rows[b].score ?? -1)));
    byId("found").textContent = shown.length.toLocaleString("en") + " of " + rows.length.toLocaleString("en");
    list.show(shown.length);
    const kept = shown.indexOf(current);
    if (kept >= 0) list.select(kept);
    else if (shown.length && window.innerWidth > 760) open(0, false);
    else if (!shown.length) { current = -1; detail.replaceChildren(make("p", "small", "No sample fits these filters.")); }
  }

  function address() {
    const pairs = [["result", resultSelect.value], ["sort", data.captions ? "" : sortSelect.value], ["q", search.value.trim()]];
    for (const select of tagBox.children) pairs.push(["tag." + select.dataset.tag, select.value.slice(1)]);
    Address.write(opened, pairs);
  }

  function changed() { refresh(); address(); }

  function fill(line, position) {
    const row = rows[shown[position]];
    const sign = make("span", "mark " + row.result, MARKS[row.result]); sign.title = row.result;
    sign.setAttribute("role", "img"); sign.setAttribute("aria-label", row.result);
    line.append(sign, make("span", "text", row.summary), make("span", "id", data.captions && typeof row.score === "number" ? row.score.toFixed(1) : row.id));
  }

  function open(position, chosen) {
    if (position < 0 || position >= shown.length) return;
    const place = shown[position];
    current = place;
    list.select(position);
    if (chosen) { panes.classList.add("open"); opened = rows[place].id; address(); }
    detail.setAttribute("aria-busy", "true");
    pieces.get(place, (one) => {
      if (current !== place) return;
      detail.setAttribute("aria-busy", "false");
      if (one) draw(rows[place], one);
      else detail.replaceChildren(back(), make("p", "notes", "The file with this sample is not beside the page: " + data.folder + ". Write the report again: vlmeval report."));
      detail.scrollTop = 0;
    });
    for (const ahead of [position + 1, position - 1]) if (data.folder && ahead >= 0 && ahead < shown.length) pieces.get(shown[ahead], () => {});
  }

  function back() {
    const button = make("button", "back", "← all samples"); button.type = "button";
    button.addEventListener("click", () => panes.classList.remove("open"));
    return button;
  }

  // One sample
  function draw(row, one) {
    const head = make("div", "head"), captioned = one.caption && one.state === "answered";
    head.append(make("h3", "", one.id));
    if (!captioned) head.append(chip(row.result, row.result));
    if (row.truncated) head.append(chip("truncated", "partial"));
    if (typeof row.score === "number" && one.right === null && !captioned) head.append(chip("score " + row.score.toFixed(1)));
    for (const [tag, value] of Object.entries(row.tags)) head.append(chip(tag + ": " + value.split("\n").join(", ")));
    const link = make("a", "link", "link"); link.href = "#" + encodeURIComponent(one.id); link.title = "the address of this sample"; head.append(link);
    detail.replaceChildren(back(), head, one.caption ? captionView(one) : question(one));
    if (one.maps) detail.append(mapsView(one.maps));
    for (const each of one.passes) detail.append(pass(each));
    if (one.scorers) detail.append(scorersView(one.scorers));
  }

  function mapsView(maps) {
    const box = make("section", "maps"); box.append(make("h4", "", "Where the model looked"));
    const views = make("div", "views");
    for (const map of maps) {
      const figure = make("figure", "picture");
      figure.append(map.src ? thumbnail(map.src, "heat map", false) : make("div", "gone", "heat map not found"));
      const words = [map.method, map.word.trim() ? "for “" + map.word.trim() + "”" : "", map.variant, (100 * map.share).toFixed(1) + " % of " + map.of];
      figure.append(make("figcaption", "", words.filter(Boolean).join(" · ")));
      views.append(figure);
    }
    box.append(views);
    return box;
  }

  function scorersView(scorers) {
    const box = make("section", "pass"), table = make("table", "facts");
    box.append(make("h4", "", "Scorers differ"));
    for (const one of scorers) {
      const line = make("tr"), words = Object.entries(one.readings).map(([variant, read]) => (variant ? variant + " " : "") + valueText(read.value) + " (" + read.rule + ")");
      const head = make("th", "", one.name); head.scope = "row";
      line.append(head, make("td", "", "score " + (one.score === null ? "—" : one.score)), make("td", "", words.join("; ") || "no reading"));
      table.append(line);
    }
    box.append(table);
    return box;
  }

  // A caption: the picture, its own scores, the words as scored, and what they share with the references.
  function captionView(one) {
    const digests = digestsOf([one.question]);
    const body = make("div", digests.size ? "question" : "question plain"), view = make("div", "caption");
    if (digests.size) { const pictures = make("div", "pictures"); for (const digest of digests) pictures.append(picture(digest)); body.append(pictures); }
    const figures = make("dl", "own-scores");
    for (const [title, value] of one.caption.scores) { const cell = make("div"); cell.append(make("dt", "", title), make("dd", "", value.toFixed(1))); figures.append(cell); }
    view.append(figures, make("h4", "", "Caption"), marked(one.caption.words, "(no words)"), make("h4", "", "References"));
    const references = make("ol", "references");
    for (const words of one.caption.references) { const line = make("li"); line.append(marked(words, "(no words)")); references.append(line); }
    const legend = make("p", "small legend-ngrams"); legend.append("in common: ");
    for (const length of [1, 2, 3, 4]) legend.append(make("span", "ngram-" + length, length === 1 ? "1 word" : length + " in a row"), " ");
    view.append(references, legend); body.append(view);
    return body;
  }

  function marked(words, none) {
    const line = make("p", words.length ? "words" : "words small", words.length ? "" : none);
    words.forEach(([text, length], index) => {
      if (index) line.append(" ");
      line.append(length ? make("mark", "ngram-" + length, text) : document.createTextNode(text));
    });
    return line;
  }

  // Keys
  const position = () => shown.indexOf(current);
  function nextWrong(step) {
    for (let at = position() + step; at >= 0 && at < shown.length; at += step) if (rows[shown[at]].result !== "right") return open(at, true);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") { if (!closeZoom()) { panes.classList.remove("open"); document.activeElement.blur(); } return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    const inList = document.activeElement === list.host;
    if (event.key === "j" || (event.key === "ArrowDown" && inList)) open(position() + 1, true);
    else if (event.key === "k" || (event.key === "ArrowUp" && inList)) open(position() - 1, true);
    else if (event.key === "Home" && inList) open(0, true);
    else if (event.key === "End" && inList) open(shown.length - 1, true);
    else if (event.key === "n") nextWrong(1);
    else if (event.key === "N" || event.key === "p") nextWrong(-1);
    else if (event.key === "/") search.focus();
    else return;
    event.preventDefault();
  });
  for (const control of [resultSelect, sortSelect]) control.addEventListener("change", changed);
  let typing = 0;
  search.addEventListener("input", () => { clearTimeout(typing); if (rows.length > 5000) typing = setTimeout(changed, 120); else changed(); });

  function restore() {
    const { id, query } = Address.read();
    const set = (select, value) => { if (value && [...select.options].some((item) => item.value === value)) select.value = value; };
    set(resultSelect, query.get("result")); set(sortSelect, query.get("sort")); search.value = query.get("q") || "";
    for (const select of tagBox.children) { const value = query.get("tag." + select.dataset.tag); if (value !== null) set(select, "=" + value); }
    const wanted = id ? rows.findIndex((row) => row.id === id) : -1;
    current = wanted;
    refresh();
    if (wanted < 0) return;
    if (!shown.includes(wanted)) {
      for (const control of [resultSelect, search, ...tagBox.children]) control.value = "";
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
