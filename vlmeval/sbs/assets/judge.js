"use strict";
// The judging page. A judgement is written to localStorage under its UUID before anything else, the next pair is painted
// at once from what was fetched ahead, and the queue is sent behind it, again and again with the same UUID until answered.
(() => {
  const $ = id => document.getElementById(id);
  const body = document.body, drawer = `sbs.${body.dataset.drawer}.`;
  const LEAST_MS = 300, MOST_WAIT_MS = 30000, TIMEOUT_MS = 20000; // nobody judges a pair in 300 ms: that is a second click
  const SAID = { left: "Answer 1 is better", right: "Answer 2 is better", tie: "Tie", both_bad: "Both bad", skip: "Skipped" };
  const known = new Map(), tried = new Set();
  const tabs = new BroadcastChannel(drawer);
  let order = [], shown = null, shownAt = 0, hiddenAt = 0, hiddenMs = 0, voted = 0, left = null, code = null;
  let chain = Promise.resolve(), wait = 1000, timer = 0, expiry = 0, last = null, signedOut = false;

  const uuid = () => crypto.randomUUID ? crypto.randomUUID() : // plain http beyond localhost has no randomUUID
    [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("")
      .replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
  const queue = () => Object.keys(localStorage).filter(key => key.startsWith(drawer + "vote.")).map(key => JSON.parse(localStorage.getItem(key)))
    .sort((one, other) => one.at - other.at);
  const pending = id => queue().some(entry => entry.assignment === id);
  const say = text => { $("status").textContent = text; };
  const warn = text => { $("notice").textContent = text; $("notice").hidden = !text; };

  async function ask(path, value) {
    const reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value), signal: AbortSignal.timeout(TIMEOUT_MS) });
    return { status: reply.status, after: Number(reply.headers.get("retry-after")) * 1000, data: await reply.json() };
  }
  const have = () => [...known.keys()].filter(id => order.includes(id));
  const then = work => { chain = chain.then(work, work); return chain; };

  // --- what is on the screen
  function build(pair) {
    const sides = new Viewer.Group(), asked = new Viewer.Group();
    const prompt = document.createDocumentFragment(), words = document.createElement("div"), pictures = document.createElement("div");
    pictures.className = "pictures"; words.className = "words";
    const images = pair.prompt.filter(part => part.image);
    for (const part of pair.prompt) {
      if (part.image) {
        const name = images.length > 1 ? `Image ${images.indexOf(part) + 1} of ${images.length}` : "Image";
        pictures.append(asked.add(part.image, name, part.width, part.height));
      } else {
        const text = document.createElement("p");
        text.dir = "auto"; text.textContent = part.text;
        words.append(text);
      }
    }
    if (images.length) prompt.append(pictures);
    if (words.childNodes.length) prompt.append(words);
    const answer = (side, name) => {
      const found = document.createElement("div");
      found.className = "text"; found.dir = "auto";
      found.innerHTML = side.html; // cleaned by the server: no element or attribute beyond its list
      if (!side.html && !side.images.length) { found.textContent = "(empty answer)"; found.classList.add("soft"); }
      return [...side.images.map((url, n) => sides.add(url, side.images.length > 1 ? `${name}, image ${n + 1}` : `${name}, image`)), found];
    };
    const one = answer(pair.left, "Answer 1"), other = answer(pair.right, "Answer 2");
    for (const { img } of [...asked.frames, ...sides.frames]) img.decode().catch(() => img.closest("figure").classList.add("broken"));
    return { prompt: [...prompt.childNodes], left: one, right: other, asked, sides, until: performance.now() + 1000 * pair.seconds };
  }
  function show(id) {
    const pair = known.get(id);
    if (shown === id) return;
    shown = id;
    clearTimeout(expiry);
    for (const part of ["prompt", "answers", "verdicts"]) $(part).hidden = !pair;
    $("finish").hidden = true;
    if (!pair) { $("heading").textContent = code !== null ? "All done" : "Waiting for the next pair"; finish(); return; }
    $("prompt").replaceChildren(...pair.prompt);
    $("prompt").classList.toggle("plain", !pair.asked.frames.length);
    for (const side of ["left", "right"]) {
      const place = $(side).querySelector(".shown");
      place.replaceChildren(...pair[side]);
      if (place.scrollWidth > place.clientWidth) place.tabIndex = 0; else place.removeAttribute("tabindex");
    }
    pair.asked.reset(); pair.sides.reset();
    $("heading").textContent = `Pair ${voted + 1}`;
    scrollTo(0, 0);
    $("heading").focus({ preventScroll: true });
    shownAt = performance.now(); hiddenMs = 0; hiddenAt = document.hidden ? shownAt : 0;
    expiry = setTimeout(ran_out, Math.max(0, pair.until - performance.now()));
  }
  function finish() {
    if (code === null || queue().length) return;
    $("code").textContent = code;
    $("finish").hidden = false;
    $("heading").focus({ preventScroll: true });
    say("There is no pair left for you now.");
  }
  function ran_out() {
    warn("The time for this pair ran out; somebody else may judge it. You go on with the pair below.");
    known.delete(shown); shown = null;
    sync();
  }
  function count() {
    const number = queue().length, most = voted + (left ?? 0);
    $("progress").max = Math.max(1, most); $("progress").value = voted;
    $("count").textContent = left === null ? "" : `${voted} judged, ${left} to go`;
    $("unsent").hidden = !number;
    $("unsent").textContent = number ? `${number} not yet sent` : "";
  }
  function take(data) {
    if (data.progress) { voted = data.progress.voted + queue().filter(entry => entry.outcome !== "skip").length; left = Math.max(0, data.progress.left - queue().length); }
    code = data.open.length ? null : data.code ?? null;
    for (const pair of data.pairs) known.set(pair.assignment, build(pair));
    order = data.open.filter(id => !pending(id) && known.has(id));
    for (const id of known.keys()) if (!order.includes(id) && id !== last?.id) known.delete(id);
    if (shown !== null && !order.includes(shown) && !pending(shown)) {
      warn("The pair shown before was judged in another tab, or given to somebody else. You go on with this one.");
      known.delete(shown); shown = null;
    }
    if (order.length) { if (!order.includes(shown)) show(order[0]); } else { shown = undefined; show(null); }
    count();
  }

  // --- judging
  function judge(outcome, reason = "") {
    const now = performance.now();
    if (shown === null || !known.has(shown) || now - shownAt < LEAST_MS) return;
    const away = hiddenMs + (hiddenAt ? now - hiddenAt : 0);
    const entry = { assignment: shown, key: uuid(), outcome, reason, seconds: Math.round(now - shownAt - away) / 1000, at: Date.now() };
    localStorage.setItem(`${drawer}vote.${entry.key}`, JSON.stringify(entry));
    last = { id: shown, entry };
    if (outcome !== "skip") voted += 1;
    if (left !== null) left = Math.max(0, left - 1);
    order = order.filter(id => id !== entry.assignment);
    warn("");
    show(order[0] ?? null);
    say(`${SAID[outcome]}.${order.length ? ` ${$("heading").textContent}.` : ""}`);
    count();
    tabs.postMessage(entry.assignment);
    flush();
  }
  const drop = entry => { localStorage.removeItem(`${drawer}vote.${entry.key}`); tried.delete(entry.key); };
  const later = after => { clearTimeout(timer); timer = setTimeout(flush, Math.max(wait, after || 0)); wait = Math.min(MOST_WAIT_MS, wait * 2); };
  function flush() {
    clearTimeout(timer);
    return then(async () => {
      for (let entry; !signedOut && (entry = queue()[0]);) {
        let reply;
        try {
          if (!navigator.onLine) throw new TypeError("offline");
          tried.add(entry.key);
          const { at, ...sent } = entry;
          reply = await ask("/api/judgements", { ...sent, have: have() });
        } catch {
          warn("No connection. Your votes are kept here and sent as soon as it is back.");
          later();
          break;
        }
        if (refused(reply)) break;
        drop(entry);
        if (reply.status === 200) { wait = 1000; if (/^No connection/.test($("notice").textContent)) warn(""); take(reply.data); }
        else { await refresh(); warn(reply.data.message); }
      }
      count(); finish();
    });
  }
  // What is to be tried again, or needs a person; everything else is settled by the answer.
  function refused(reply) {
    if (reply.status === 401) { signedOut = true; warn(reply.data.message); return true; }
    if (reply.status !== 429 && reply.status < 500) return false;
    warn(reply.data.message);
    later(reply.after);
    return true;
  }
  async function refresh() {
    try {
      const reply = await ask("/api/pairs", { have: have() });
      if (!refused(reply)) { if (/^No connection|paused/.test($("notice").textContent)) warn(""); take(reply.data); }
    } catch { warn("No connection. This page goes on by itself as soon as it is back."); later(); }
  }
  const sync = () => then(async () => { if (!queue().length) await refresh(); }).then(() => { if (queue().length) return flush(); });
  function undo() {
    if (last && !tried.has(last.entry.key) && pending(last.id) && known.has(last.id)) { // never sent: taken back here
      drop(last.entry);
      if (last.entry.outcome !== "skip") voted -= 1;
      left += 1;
      order.unshift(last.id); code = null; shownAt = 0;
      show(last.id); count(); say("Taken back.");
      return;
    }
    const key = uuid();
    flush().then(() => then(async () => {
      if (queue().length) { warn("The last judgement is on its way; undo works again once it has arrived."); return; }
      try {
        const reply = await ask("/api/undo", { key, have: have() });
        if (refused(reply)) return;
        if (reply.status !== 200) { warn(reply.data.message); return; }
        shown = null; warn("");
        take(reply.data);
        say(`Taken back. ${$("heading").textContent}.`);
      } catch { warn("No connection. Undo needs one."); }
    }));
  }
  function skip() { if (shown !== null && known.has(shown)) { $("skip").returnValue = ""; $("skip").showModal(); } }
  function zoom() {
    const pair = known.get(shown);
    if (!pair) return;
    const near = document.activeElement?.closest(".answer") && pair.sides.frames.length;
    (near || !pair.asked.frames.length ? pair.sides : pair.asked).toggle(0, 0);
  }

  // --- keys, clicks, tabs
  const act = outcome => outcome === "skip" ? skip() : judge(outcome);
  $("verdicts").addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button && event.detail < 2) act(button.dataset.outcome); // the second click of a double click is not a vote
  });
  const KEYS = { 1: () => act("left"), 2: () => act("right"), 3: () => act("tie"), 4: () => act("both_bad"), 0: skip, u: undo, " ": zoom };
  document.addEventListener("keydown", event => {
    const work = KEYS[event.key.toLowerCase()], target = event.target;
    if (!work || event.ctrlKey || event.metaKey || event.altKey || !$("shortcuts").checked || document.querySelector("dialog[open]")) return;
    if (target.closest("input, textarea, select") || (event.key === " " && target.closest("button, a, summary"))) return;
    event.preventDefault();
    if (!event.repeat) work();
  });
  $("undo").addEventListener("click", undo);
  $("cancel").addEventListener("click", () => $("skip").close());
  for (const name of ["keys", "guidelines"]) $(`open-${name}`).addEventListener("click", () => $(name).showModal());
  $("skip").addEventListener("close", () => {
    const fields = $("skip").querySelector("form").elements;
    if ($("skip").returnValue === "skip") judge("skip", fields.reason.value === "other" ? `other: ${fields.words.value.trim()}` : fields.reason.value);
    fields.words.value = "";
  });
  $("skip").querySelector("[name=words]").addEventListener("focus", () => { $("skip").querySelector("[value=other]").checked = true; });
  $("shortcuts").checked = localStorage.getItem(`${drawer}keys`) !== "off";
  $("shortcuts").addEventListener("change", () => { localStorage.setItem(`${drawer}keys`, $("shortcuts").checked ? "on" : "off"); });
  tabs.addEventListener("message", event => { if (event.data === shown) setTimeout(sync, 300); });
  addEventListener("online", () => { wait = 1000; sync(); });
  addEventListener("pageshow", event => { if (event.persisted) sync(); }); // back and forward
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) { hiddenAt = performance.now(); return; }
    if (hiddenAt) hiddenMs += performance.now() - hiddenAt;
    hiddenAt = 0;
    sync();
  });
  if (!$("open-guidelines").hidden && !localStorage.getItem(`${drawer}read`)) {
    localStorage.setItem(`${drawer}read`, "yes");
    $("guidelines").showModal();
  }
  flush().then(() => then(refresh));
})();
