"use strict";
// Everything that comes from data or models reaches the page through textContent; nothing is ever parsed as HTML.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const samples = data.samples;
  const byId = (id) => document.getElementById(id);
  const list = byId("list"), detail = byId("detail"), panes = document.querySelector(".panes");
  const MARKS = { right: "✓", wrong: "✗", partial: "◐", unparsed: "?", refused: "⊘", failed: "!", missing: "–" };
  const PAGE = 200;
  let shown = [], drawn = 0, current = -1;

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }

  function result(sample) {
    if (sample.state !== "answered") return sample.state;
    if (sample.right === true) return "right";
    if (sample.right === false) return "wrong";
    if (sample.score === null || sample.score === undefined) return "partial";
    if (data.bounded && sample.score >= 99.995) return "right";
    return sample.score <= 0.005 ? "wrong" : "partial";
  }

  const textOf = (parts) => parts.map((part) => (typeof part === "string" ? part : "▣")).join(" ").replace(/\s+/g, " ").replace(/^(▣ ?)+(?=.)/, "").trim();
  for (const sample of samples) {
    sample.result = result(sample);
    const asked = textOf(sample.question);
    sample.summary = asked.replace(/▣/g, "").trim() ? asked : sample.passes.map((one) => one.reply || "").join(" ").trim() || asked || sample.id;
    const words = [sample.id, sample.summary];
    for (const choice of sample.choices) words.push(textOf(choice));
    for (const one of sample.passes) words.push(one.reply || one.message || "");
    sample.words = words.join("\n").toLowerCase();
  }

  // Filters
  const resultSelect = byId("filter-result"), tagBox = byId("filter-tags"), sortSelect = byId("sort"), search = byId("search");
  function option(select, value, text) { const item = make("option", "", text); item.value = value; select.append(item); }
  function fillFilters() {
    const counts = {};
    for (const sample of samples) counts[sample.result] = (counts[sample.result] || 0) + 1;
    option(resultSelect, "", "all results (" + samples.length + ")");
    for (const name of Object.keys(MARKS)) if (counts[name]) option(resultSelect, name, name + " (" + counts[name] + ")");
    const truncated = samples.filter((sample) => sample.truncated).length;
    if (truncated) option(resultSelect, "truncated", "truncated (" + truncated + ")");
    const tags = {};
    for (const sample of samples) for (const [tag, value] of Object.entries(sample.tags)) (tags[tag] = tags[tag] || new Map()).set(value, (tags[tag].get(value) || 0) + 1);
    for (const [tag, values] of Object.entries(tags)) {
      if (values.size < 2 || values.size > 200) continue;
      const select = make("select"); select.dataset.tag = tag; select.setAttribute("aria-label", tag);
      option(select, "", tag);
      for (const [value, count] of [...values].sort((a, b) => a[0].localeCompare(b[0]))) option(select, "=" + value, value + " (" + count + ")");
      select.addEventListener("change", refresh);
      tagBox.append(select);
    }
    if (!samples.some((sample) => typeof sample.score === "number")) sortSelect.hidden = true;
  }

  function matches(sample) {
    const wanted = resultSelect.value;
    if (wanted === "truncated" ? !sample.truncated : wanted && sample.result !== wanted) return false;
    for (const select of tagBox.children) if (select.value && "=" + sample.tags[select.dataset.tag] !== select.value) return false;
    const text = search.value.trim().toLowerCase();
    return !text || sample.words.includes(text);
  }

  function refresh() {
    shown = samples.filter(matches);
    const way = sortSelect.value === "up" ? 1 : -1;
    if (sortSelect.value) shown.sort((a, b) => way * ((a.score ?? -1) - (b.score ?? -1)));
    byId("found").textContent = shown.length + " of " + samples.length;
    list.replaceChildren(); drawn = 0; list.scrollTop = 0;
    drawMore();
    const kept = shown.indexOf(samples[current]);
    if (kept >= 0) mark(kept); else if (shown.length && window.innerWidth > 760) open(0, false);
  }

  function drawMore() {
    const piece = document.createDocumentFragment();
    for (const end = Math.min(shown.length, drawn + PAGE); drawn < end; drawn++) piece.append(row(shown[drawn], drawn));
    list.append(piece);
  }

  function row(sample, position) {
    const line = make("button", "row"); line.type = "button"; line.setAttribute("role", "option"); line.dataset.position = position; line.tabIndex = -1;
    const sign = make("span", "mark " + sample.result, MARKS[sample.result]); sign.title = sample.result; sign.setAttribute("aria-label", sample.result);
    line.append(sign, make("span", "text", sample.summary.slice(0, 160)), make("span", "id", sample.id));
    line.addEventListener("click", () => open(position, true));
    return line;
  }

  function mark(position) {
    for (const line of list.querySelectorAll('[aria-selected="true"]')) line.setAttribute("aria-selected", "false");
    const line = list.children[position];
    if (line) { line.setAttribute("aria-selected", "true"); reveal(line); }
  }

  // scrollIntoView would also move the page.
  function reveal(line) {
    const top = line.offsetTop - list.offsetTop, bottom = top + line.offsetHeight;
    if (top < list.scrollTop) list.scrollTop = top;
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight;
  }

  function open(position, chosen) {
    if (position < 0 || position >= shown.length) return;
    while (drawn <= position) drawMore();
    current = samples.indexOf(shown[position]);
    mark(position);
    draw(shown[position]);
    detail.scrollTop = 0;
    if (chosen) { panes.classList.add("open"); history.replaceState(null, "", "#" + encodeURIComponent(shown[position].id)); }
  }

  // One sample
  function picture(digest) {
    const known = data.images[digest] || {}, figure = make("figure", "picture");
    if (known.src) {
      const image = make("img"); image.src = known.src; image.alt = "image " + digest.slice(0, 12);
      if (known.width < 200) image.classList.add("small-picture");
      image.addEventListener("click", () => zoom(known));
      figure.append(image);
    } else figure.append(make("div", "gone", "image not in this page"));
    figure.append(make("figcaption", "", (known.width || "?") + " × " + (known.height || "?") + " · " + digest.slice(0, 8)));
    return figure;
  }

  function zoom(known) {
    const cover = make("button", "zoom"), image = make("img"); cover.type = "button"; cover.setAttribute("aria-label", "close the image");
    image.src = known.src; image.alt = ""; if (known.width >= 200) image.className = "large";
    cover.append(image); cover.addEventListener("click", () => cover.remove());
    document.body.append(cover); cover.focus();
  }

  function chip(text, className) { return make("span", "chip " + (className || ""), text); }

  function inline(target, parts) {
    for (const part of parts) target.append(typeof part === "string" ? document.createTextNode(part) : make("span", "chip", "image " + part.image.slice(0, 8)));
    return target;
  }

  function draw(sample) {
    detail.replaceChildren();
    const back = make("button", "back", "← all samples"); back.type = "button"; back.addEventListener("click", () => panes.classList.remove("open"));
    const head = make("div", "head");
    head.append(make("h3", "", sample.id), chip(sample.result, sample.result));
    if (sample.truncated) head.append(chip("truncated", "partial"));
    if (typeof sample.score === "number" && sample.right === null) head.append(chip("score " + sample.score.toFixed(1)));
    for (const [tag, value] of Object.entries(sample.tags)) head.append(chip(tag + ": " + value));
    const digests = new Set();
    for (const parts of [sample.question, ...sample.choices, ...sample.found]) for (const part of parts) if (typeof part !== "string") digests.add(part.image);
    const body = make("div", digests.size ? "question" : "question plain");
    if (digests.size) { const pictures = make("div", "pictures"); for (const digest of digests) pictures.append(picture(digest)); body.append(pictures); }
    const asked = make("div");
    asked.append(inline(make("p", "asked"), sample.question.filter((part) => typeof part === "string" || digests.size > 1)));
    asked.append(goldBox(sample)); body.append(asked);
    detail.append(back, head, body);
    for (const one of sample.passes) detail.append(passBox(sample, one));
  }

  function goldBox(sample) {
    const box = make("ul", "choices");
    sample.choices.forEach((choice, index) => {
      const letter = String.fromCharCode(65 + index), gold = sample.gold.includes(letter);
      const line = make("li", gold ? "gold" : ""); line.append(make("span", "letter", letter)); inline(line, choice);
      if (gold) line.append(document.createTextNode("  ← right answer"));
      box.append(line);
    });
    for (const parts of sample.found) box.append(inline(make("li", "gold"), parts));
    if (!sample.choices.length && !sample.found.length) for (const [text, count] of counted(sample.gold)) {
      const line = make("li", "gold", text); if (count > 1) line.append(make("span", "small", "  × " + count)); box.append(line);
    }
    return box;
  }

  function counted(texts) {
    const counts = new Map();
    for (const text of texts) counts.set(text, (counts.get(text) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  function passBox(sample, one) {
    const box = make("section", "pass"), head = make("div", "head");
    const verdict = one.failure ? "failed" : one.right === true ? "right" : one.value === null && one.reply !== undefined ? "unparsed" : one.right === false ? "wrong" : "";
    if (one.variant) head.append(make("b", "", one.variant));
    if (verdict) head.append(chip(verdict, verdict));
    if (one.rule) head.append(chip("rule: " + one.rule));
    if (one.shown && one.shown.length && one.value) {
      const at = one.shown.indexOf(one.value);
      head.append(chip("chose " + (at >= 0 ? String.fromCharCode(65 + at) + " = option " + one.value : one.value)));
    } else if (one.value !== null && one.value !== undefined && one.reply === undefined) head.append(chip("value: " + one.value));
    if (one.finish && one.finish !== "stop") head.append(chip("finish: " + one.finish, "partial"));
    if (one.tokens !== null && one.tokens !== undefined) head.append(chip(one.tokens + " tokens"));
    if (one.seconds !== null && one.seconds !== undefined) head.append(chip(one.seconds.toFixed(2) + " s"));
    box.append(head);
    if (one.failure) box.append(make("div", "reply failure", one.failure + " after " + one.attempts + " attempt(s): " + one.message));
    else if (one.reply !== undefined) box.append(one.reply === "" ? make("div", "reply empty", "(empty reply)") : make("div", "reply", one.reply));
    else if (!one.value) box.append(make("div", "reply empty", "(not asked)"));
    if (one.cut) box.append(make("p", "small", one.cut.toLocaleString("en") + " more characters are in outputs.jsonl"));
    if (one.judge) box.append(make("p", "small", "judge: " + one.judge));
    const prompt = make("details"); prompt.append(make("summary", "", "prompt as sent"));
    const text = make("div", "reply"); if (one.system) text.append(document.createTextNode("[system] " + one.system + "\n"));
    prompt.append(inline(text, one.prompt)); box.append(prompt);
    return box;
  }

  // Keys
  const position = () => shown.indexOf(samples[current]);
  function nextWrong() {
    for (let at = position() + 1; at < shown.length; at++) if (shown[at].result !== "right") return open(at, true);
  }
  document.addEventListener("keydown", (event) => {
    const cover = document.querySelector(".zoom");
    if (event.key === "Escape") { if (cover) cover.remove(); else if (panes.classList.contains("open")) panes.classList.remove("open"); document.activeElement.blur(); return; }
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|SELECT|TEXTAREA)$/.test(document.activeElement.tagName)) return;
    if (event.key === "j" || (event.key === "ArrowDown" && document.activeElement === list)) open(position() + 1, true);
    else if (event.key === "k" || (event.key === "ArrowUp" && document.activeElement === list)) open(position() - 1, true);
    else if (event.key === "n") nextWrong();
    else if (event.key === "/") search.focus();
    else return;
    event.preventDefault();
  });
  list.addEventListener("scroll", () => { if (drawn < shown.length && list.scrollTop + list.clientHeight > list.scrollHeight - 400) drawMore(); });
  for (const control of [resultSelect, sortSelect]) control.addEventListener("change", refresh);
  search.addEventListener("input", refresh);

  fillFilters();
  const asked = decodeURIComponent(location.hash.slice(1));
  if (asked) current = samples.findIndex((sample) => sample.id === asked);
  refresh();
  if (asked && current >= 0) open(shown.indexOf(samples[current]), true);
})();
