"use strict";
// Images that zoom and move. Those of one group move together: position is kept in shares of the frame.
const Viewer = (() => {
  const STEP = 1.5, MOST = 12, NEAR = 2.5;

  class Group {
    constructor() { this.frames = []; this.reset(); }
    reset() { this.scale = 1; this.x = 0; this.y = 0; this.paint(); }
    zoom(scale, px = 0, py = 0) {
      const next = Math.min(MOST, Math.max(1, scale)), ratio = next / this.scale;
      this.x = px - (px - this.x) * ratio;
      this.y = py - (py - this.y) * ratio;
      this.scale = next;
      this.move(0, 0);
    }
    move(dx, dy) {
      const most = (this.scale - 1) / 2;
      this.x = Math.min(most, Math.max(-most, this.x + dx));
      this.y = Math.min(most, Math.max(-most, this.y + dy));
      this.paint();
    }
    paint() {
      for (const { frame, img, level } of this.frames) {
        img.style.transform = `translate(${100 * this.x}%, ${100 * this.y}%) scale(${this.scale})`;
        frame.classList.toggle("near", this.scale > 1);
        level.textContent = `${Math.round(100 * this.scale)} %`;
      }
    }
    toggle(px, py) { if (this.scale > 1) this.reset(); else this.zoom(NEAR, px, py); }
    add(url, name, width, height) {
      const figure = make("figure", "viewer"), frame = make("div", "frame"), img = make("img"), level = make("span", "level");
      img.src = url; img.alt = name; img.draggable = false; img.decoding = "async";
      if (width && height) { img.width = width; img.height = height; }
      frame.tabIndex = 0;
      frame.setAttribute("role", "group");
      frame.setAttribute("aria-label", `${name}: plus and minus zoom, arrow keys move`);
      frame.append(img);
      const tools = make("div", "zooming");
      tools.append(button("−", `Zoom out: ${name}`, () => this.zoom(this.scale / STEP)), level,
        button("+", `Zoom in: ${name}`, () => this.zoom(this.scale * STEP)));
      figure.append(frame, tools);
      this.frames.push({ frame, img, level });
      listen(this, frame);
      this.paint();
      return figure;
    }
  }

  function make(tag, name) { const one = document.createElement(tag); if (name) one.className = name; return one; }
  function button(text, label, work) {
    const one = make("button");
    one.type = "button"; one.textContent = text; one.setAttribute("aria-label", label);
    one.addEventListener("click", work);
    return one;
  }
  function share(frame, event) {
    const box = frame.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width - .5, (event.clientY - box.top) / box.height - .5];
  }
  function listen(group, frame) {
    const down = new Map();
    let apart = 0;
    frame.addEventListener("wheel", event => {
      if (!event.ctrlKey && !event.metaKey && group.scale === 1) return; // the page scrolls
      event.preventDefault();
      group.zoom(group.scale * Math.exp(-event.deltaY / 300), ...share(frame, event));
    }, { passive: false });
    frame.addEventListener("dblclick", event => group.toggle(...share(frame, event)));
    frame.addEventListener("pointerdown", event => { down.set(event.pointerId, event); if (group.scale > 1) frame.setPointerCapture(event.pointerId); });
    frame.addEventListener("pointermove", event => {
      const last = down.get(event.pointerId);
      if (!last) return;
      down.set(event.pointerId, event);
      const box = frame.getBoundingClientRect();
      if (down.size === 1) { if (group.scale > 1) group.move((event.clientX - last.clientX) / box.width, (event.clientY - last.clientY) / box.height); return; }
      const [one, other] = [...down.values()], distance = Math.hypot(one.clientX - other.clientX, one.clientY - other.clientY);
      if (apart) group.zoom(group.scale * distance / apart);
      apart = distance;
    });
    for (const name of ["pointerup", "pointercancel"]) frame.addEventListener(name, event => { down.delete(event.pointerId); apart = 0; });
    frame.addEventListener("keydown", event => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const moves = { ArrowLeft: [.1, 0], ArrowRight: [-.1, 0], ArrowUp: [0, .1], ArrowDown: [0, -.1] }[event.key];
      if (event.key === "+" || event.key === "=") group.zoom(group.scale * STEP);
      else if (event.key === "-") group.zoom(group.scale / STEP);
      else if (moves && group.scale > 1) group.move(...moves);
      else return;
      event.preventDefault();
    });
  }
  return { Group };
})();
