"use strict";
// Everything that comes from data or models reaches the page through textContent; nothing is ever parsed as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const box = byId("queries"), more = byId("more"), count = byId("count");
  const direction = byId("direction"), misses = byId("misses"), order = byId("order"), search = byId("search");
  const PAGE = 25;
  let shown = [], drawn = 0;

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }
  function option(select, value, text) { const item = make("option", "", text); item.value = value; select.append(item); }
  const rankText = (rank) => (Number.isInteger(rank) ? String(rank) : rank.toFixed(1));
  const wordsOf = (place) => (typeof data.items[place] === "string" ? data.items[place] : "");
  for (const query of data.queries) {
    const places = [query.item, ...query.right, ...query.found.map((one) => one[0])];
    query.words = [query.id, ...places.map(wordsOf)].join("\n").toLowerCase();
  }

  function thumb(place, name) {
    const item = data.items[place], figure = make("figure", "thumb"), picture = data.images[item.image] || {};
    if (!picture.src) { figure.append(make("div", "gone", "picture not kept")); return figure; }
    const image = make("img");
    image.src = picture.src; image.alt = name; image.width = picture.width; image.height = picture.height; image.loading = "lazy";
    figure.append(image);
    return figure;
  }
  function content(place, name) {
    return typeof data.items[place] === "string" ? make("span", "words", data.items[place] || "(empty)") : thumb(place, name);
  }
  function answer(place, number, score, right) {
    const line = make("li", right ? "answer is-right" : "answer");
    const head = [make("span", "place", number), make("span", right ? "mark right" : "mark wrong", right ? "✓" : "")];
    head[1].setAttribute("aria-label", right ? "right" : "not right");
    const body = content(place, right ? "a right candidate" : "a candidate"), tail = make("span", "score", score);
    line.append(...(typeof data.items[place] === "string" ? [...head, body, tail] : [body, ...head, tail]));
    return line;
  }
  function list(place) { return make("ol", typeof data.items[place] === "string" ? "answers" : "answers pictures-grid"); }

  function draw(query) {
    const card = make("article", "query card"), side = make("div"), main = make("div");
    side.append(make("h3", "", query.id));
    const standing = make("p", "standing");
    standing.append(make("span", query.rank <= 1 ? "chip right" : query.rank <= 10 ? "chip partial" : "chip wrong", "first right: " + rankText(query.rank)));
    if (query.tied) standing.append(make("span", "chip", "tied"));
    standing.append(make("span", "chip", query.direction));
    side.append(standing);
    if (typeof data.items[query.item] === "string") side.append(make("p", "asked", data.items[query.item] || "(empty)"));
    else side.append(thumb(query.item, "the query"));
    if (query.found.length) {
      const answers = list(query.found[0][0]);
      query.found.forEach((one, number) => answers.append(answer(one[0], number + 1, one[1].toFixed(3), one[2])));
      main.append(answers);
    } else main.append(make("p", "small", "the vectors of this query are gone"));
    const seen = new Set(query.found.map((one) => one[0]));
    const missed = query.right.filter((place) => !seen.has(place));
    if (missed.length) {
      const part = make("div", "missed"), answers = list(missed[0]);
      part.append(make("h4", "", seen.size ? "right, but not among the first " + query.found.length : "right"));
      for (const place of missed) answers.append(answer(place, "", "", true));
      part.append(answers);
      main.append(part);
    }
    card.append(side, main);
    return card;
  }

  function next() {
    for (const query of shown.slice(drawn, drawn + PAGE)) box.append(draw(query));
    drawn = Math.min(shown.length, drawn + PAGE);
    more.hidden = drawn >= shown.length;
    count.textContent = shown.length + " queries" + (drawn < shown.length ? ", " + drawn + " drawn" : "");
  }
  function refresh() {
    const words = search.value.trim().toLowerCase(), least = Number(misses.value);
    shown = data.queries.filter((query) => (!direction.value || query.direction === direction.value) && query.rank > least && (!words || query.words.includes(words)));
    if (order.value === "best") shown.sort((a, b) => a.rank - b.rank);
    else if (order.value === "id") shown.sort((a, b) => a.id.localeCompare(b.id, undefined, { numeric: true }));
    else shown.sort((a, b) => b.rank - a.rank);
    box.replaceChildren(); drawn = 0;
    next();
    if (!shown.length) box.append(make("p", "card", "No query fits."));
  }

  const names = [...new Set(data.queries.map((query) => query.direction))].sort();
  option(direction, "", "both directions");
  for (const name of names) option(direction, name, name + " (" + data.queries.filter((query) => query.direction === name).length + ")");
  option(misses, "0", "all queries");
  for (const first of [1, 5, 10]) option(misses, String(first), "missed at " + first + " (" + data.queries.filter((query) => query.rank > first).length + ")");
  for (const control of [direction, misses, order]) control.addEventListener("change", refresh);
  search.addEventListener("input", refresh);
  more.addEventListener("click", next);
  refresh();
})();
