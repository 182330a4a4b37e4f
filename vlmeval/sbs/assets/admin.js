"use strict";
// The organiser's page: asks for everything again every few seconds. All text of people and models goes in as text.
(() => {
  const $ = id => document.getElementById(id), EVERY_MS = 3000, SVG = "http://www.w3.org/2000/svg";
  let paused = null;
  const cell = (text, name, tag = "td") => {
    const one = document.createElement(tag);
    one.textContent = text;
    if (name) one.className = name;
    if (tag === "th") one.scope = "row";
    return one;
  };
  const fixed = (value, digits) => value === null ? "–" : value.toFixed(digits);
  const ago = seconds => seconds === null ? "–" : seconds < 90 ? `${Math.round(seconds)} s ago` : seconds < 5400 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
  const list = (place, rows) => $(place).replaceChildren(...rows.map(([name, value]) => {
    const one = document.createElement("div");
    one.append(cell(name, "", "dt"), cell(value, "", "dd"));
    return one;
  }));
  async function post(path, value) {
    const reply = await fetch(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(value) });
    if (!reply.ok) warn((await reply.json()).message);
    await load();
  }
  function warn(text) { $("notice").textContent = text; $("notice").hidden = !text; }
  function plot(row, low, high) {
    const svg = document.createElementNS(SVG, "svg"), at = value => `${2 + 96 * (value - low) / (high - low || 1)}%`;
    svg.setAttribute("aria-hidden", "true");
    const add = (tag, values) => { const one = document.createElementNS(SVG, tag); for (const [name, value] of Object.entries(values)) one.setAttribute(name, value); svg.append(one); };
    add("line", { class: "axis", x1: "0", x2: "100%", y1: 9, y2: 9 });
    add("line", { class: "range", x1: at(row.low), x2: at(row.high), y1: 9, y2: 9 });
    add("circle", { class: "point", cx: at(row.rating), cy: 9, r: 4.5 });
    return svg;
  }
  function ratings(rows) {
    const low = Math.min(...rows.map(row => row.low)), high = Math.max(...rows.map(row => row.high));
    $("ratings").hidden = !rows.length;
    $("no-ratings").hidden = Boolean(rows.length);
    $("ratings").tBodies[0].replaceChildren(...rows.map(row => {
      const line = document.createElement("tr"), chart = cell("", "plot");
      chart.append(plot(row, low, high));
      line.append(cell(row.model, "", "th"), cell(fixed(row.rating, 0), "number"), cell(`${fixed(row.low, 0)} to ${fixed(row.high, 0)}`, "soft"), chart, cell(row.votes, "number"));
      return line;
    }));
  }
  function people(rows) {
    const focused = document.activeElement?.dataset?.person;
    $("people").tBodies[0].replaceChildren(...rows.map(one => {
      const line = document.createElement("tr"), access = cell(""), button = document.createElement("button");
      line.className = one.active ? "" : "out";
      button.type = "button"; button.dataset.person = one.id;
      button.textContent = one.active ? "Shut out" : "Let in";
      button.setAttribute("aria-label", `${button.textContent} ${one.name}`);
      button.addEventListener("click", () => post("/admin/annotator", { annotator: one.id, active: !one.active }));
      access.append(button);
      line.append(cell(one.name, "", "th"), cell(one.votes, "number"), cell(one.skips, "number"), cell(fixed(one.seconds, 1), "number"),
        cell(one.gold ? `${one.gold_right} of ${one.gold}` : "–", "number"), cell(ago(one.idle)), cell(one.flags.join(", "), "flag"), access);
      return line;
    }));
    if (focused) document.querySelector(`[data-person="${focused}"]`)?.focus();
  }
  function draw(data) {
    const { counts, agreement } = data, number = value => value.toLocaleString("en");
    list("facts", [["votes", number(counts.voted)], ["of wanted", number(counts.need)], ["open", number(counts.open)], ["being judged", number(counts.leased)], ["skipped", number(counts.skipped)],
      ["annotators", number(data.annotators.length)], ["in the last hour", number(data.recent)], ["seconds a vote", fixed(data.seconds, 1)], ["flagged", number(data.annotators.filter(one => one.flags.length).length)]]);
    list("agreement", agreement ? [["alpha, nominal", fixed(agreement.alpha_nominal, 3)], ["alpha, ordinal", fixed(agreement.alpha_ordinal, 3)], ["Fleiss' kappa", fixed(agreement.fleiss_kappa, 3)], ["pairs judged twice or more", number(agreement.units)]] : [["alpha", "no pair judged twice yet"]]);
    ratings(data.ratings);
    people(data.annotators);
    paused = data.paused;
    $("pause").textContent = paused === null ? "Pause" : "Resume";
    warn(paused === null ? "" : `Paused${paused ? `: ${paused}` : ""}. No pair is given out and no vote is taken.`);
  }
  async function load() {
    try {
      const reply = await fetch("/admin/data");
      if (reply.ok) draw(await reply.json());
      else warn((await reply.json()).message);
    } catch { warn("The server does not answer. This page tries again."); }
  }
  $("pause").addEventListener("click", () => { if (paused === null) { $("why").returnValue = ""; $("why").showModal(); } else post("/admin/resume", {}); });
  $("cancel").addEventListener("click", () => $("why").close());
  $("why").addEventListener("close", () => {
    const field = $("why").querySelector("[name=reason]");
    if ($("why").returnValue === "pause") post("/admin/pause", { reason: field.value });
    field.value = "";
  });
  const tick = () => load().finally(() => setTimeout(tick, EVERY_MS));
  tick();
})();
