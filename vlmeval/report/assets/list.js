"use strict";
// Details of samples in pieces, inside the page or loaded from beside it, and a list that draws only what is in view.
class Pieces {
  constructor(data) {
    this.starts = data.starts; this.folder = data.folder; this.loaded = new Map(); this.waiting = new Map();
    (data.embedded || []).forEach((piece, number) => this.take(number, piece));
    window.vlmevalPiece = (number, text) => this.take(number, JSON.parse(text));
  }

  take(number, piece) {
    Parts.learn(piece.images);
    this.loaded.set(number, piece.details);
    for (const done of this.waiting.get(number) || []) done(true);
    this.waiting.delete(number);
  }

  // Call done(detail) with the details of the sample at `place`, at once where they are here; done(null) where they are gone.
  get(place, done) {
    let number = 0, end = this.starts.length;
    while (end - number > 1) { const middle = (number + end) >> 1; if (this.starts[middle] <= place) number = middle; else end = middle; }
    const known = () => { const piece = this.loaded.get(number); return piece ? piece[place - this.starts[number]] : null; };
    if (this.loaded.has(number) || !this.folder) { done(known()); return; }
    if (this.waiting.has(number)) { this.waiting.get(number).push(() => done(known())); return; }
    this.waiting.set(number, [() => done(known())]);
    const script = document.createElement("script");
    script.src = this.folder.split("/").map(encodeURIComponent).join("/") + "/" + number + ".js";
    script.addEventListener("error", () => { for (const one of this.waiting.get(number) || []) one(false); this.waiting.delete(number); });
    script.addEventListener("load", () => script.remove());
    document.head.append(script);
  }
}

// `host` is the scrolling element; `fill(row, position)` puts content into an empty row; `chosen(position)` is told of clicks.
class VirtualList {
  constructor(host, fill, chosen) {
    this.host = host; this.fill = fill; this.chosen = chosen; this.count = 0; this.selected = -1; this.rows = new Map();
    this.space = Parts.make("div", "space"); this.space.setAttribute("role", "presentation"); host.replaceChildren(this.space);
    this.height = 0;
    host.addEventListener("scroll", () => this.draw(), { passive: true });
    window.addEventListener("resize", () => { this.height = 0; this.draw(); });
  }

  show(count) {
    this.count = count; this.selected = -1; this.host.scrollTop = 0; this.clear();
    this.host.removeAttribute("aria-activedescendant");
    this.draw();
  }

  clear() { for (const row of this.rows.values()) row.remove(); this.rows.clear(); }

  measure() {
    if (this.height) return;
    const probe = Parts.make("div", "row", "x"); this.space.append(probe);
    this.height = Math.max(24, Math.ceil(probe.getBoundingClientRect().height)); probe.remove();
    this.clear();
  }

  draw() {
    this.measure();
    this.space.style.height = this.count * this.height + "px";
    const first = Math.max(0, Math.floor(this.host.scrollTop / this.height) - 6);
    const last = Math.min(this.count, Math.ceil((this.host.scrollTop + (this.host.clientHeight || 600)) / this.height) + 6);
    for (const [position, row] of this.rows) if (position < first || position >= last) { row.remove(); this.rows.delete(position); }
    for (let position = first; position < last; position++) if (!this.rows.has(position)) this.rows.set(position, this.row(position));
  }

  row(position) {
    const row = Parts.make("div", "row");
    row.id = "row-" + position; row.setAttribute("role", "option");
    row.setAttribute("aria-posinset", position + 1); row.setAttribute("aria-setsize", this.count);
    row.setAttribute("aria-selected", String(position === this.selected));
    row.style.top = position * this.height + "px";
    this.fill(row, position);
    row.addEventListener("click", () => this.chosen(position));
    const after = [...this.space.children].find((other) => Number(other.id.slice(4)) > position);
    this.space.insertBefore(row, after || null);
    return row;
  }

  select(position) {
    this.measure();
    const top = position * this.height, bottom = top + this.height;
    if (top < this.host.scrollTop) this.host.scrollTop = top;
    else if (bottom > this.host.scrollTop + this.host.clientHeight) this.host.scrollTop = bottom - this.host.clientHeight;
    const before = this.rows.get(this.selected);
    if (before) before.setAttribute("aria-selected", "false");
    this.selected = position;
    this.draw();
    const row = this.rows.get(position);
    if (row) { row.setAttribute("aria-selected", "true"); this.host.setAttribute("aria-activedescendant", row.id); }
  }
}

// What is asked for in the address: #ID?key=value&..., so that a sample and the filters around it can be linked to.
const Address = {
  read() {
    const [id, query] = location.hash.slice(1).split("?");
    let name = "";
    try { name = decodeURIComponent(id || ""); } catch { name = ""; }
    return { id: name, query: new URLSearchParams(query || "") };
  },
  write(id, pairs) {
    const query = new URLSearchParams(pairs.filter(([, value]) => value)).toString();
    const hash = encodeURIComponent(id) + (query ? "?" + query : "");
    history.replaceState(null, "", hash ? "#" + hash : location.pathname + location.search);
  },
};
