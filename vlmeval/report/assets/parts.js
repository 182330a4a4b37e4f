"use strict";
// The parts that pages of samples are made of. Everything that comes from data or models reaches the page through
// textContent; nothing is ever parsed as HTML.
const Parts = (() => {
  const MARKS = { right: "✓", wrong: "✗", partial: "◐", unparsed: "?", judge_error: "J", refused: "⊘", failed: "!", missing: "–" };
  const pictures = new Map();

  function make(tag, className, text) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined && text !== null) element.textContent = text;
    return element;
  }

  function option(select, value, text) {
    const item = make("option", "", text);
    item.value = value;
    select.append(item);
  }

  const chip = (text, className) => make("span", "chip " + (className || ""), text);

  // Pictures
  function learn(images) { for (const [digest, one] of Object.entries(images)) pictures.set(digest, one); }

  function zoom(source, pixelated, words) {
    const before = document.activeElement, cover = make("button", "zoom"), image = make("img");
    cover.type = "button"; cover.setAttribute("aria-label", "close the image");
    image.src = source; image.alt = words; if (!pixelated) image.className = "large";
    cover.append(image);
    cover.close = () => { cover.remove(); if (before && before.focus) before.focus({ preventScroll: true }); };
    cover.addEventListener("click", cover.close);
    document.body.append(cover); cover.focus();
  }

  function thumbnail(source, words, small) {
    const button = make("button", "thumbnail"), image = make("img");
    button.type = "button"; button.title = "enlarge"; button.setAttribute("aria-label", "enlarge " + words);
    image.src = source; image.alt = words; image.decoding = "async";
    image.addEventListener("error", () => button.replaceWith(make("div", "gone", "image not found beside this page")));
    if (small) image.classList.add("small-picture");
    button.append(image);
    button.addEventListener("click", () => zoom(source, small, words));
    return button;
  }

  function picture(digest) {
    const known = pictures.get(digest) || {}, figure = make("figure", "picture");
    if (known.src) figure.append(thumbnail(known.src, "image " + digest.slice(0, 12), known.width < 200));
    else figure.append(make("div", "gone", "image not in this page"));
    figure.append(make("figcaption", "", (known.width || "?") + " × " + (known.height || "?") + " · " + digest.slice(0, 8)));
    return figure;
  }

  function digestsOf(groups) {
    const digests = new Set();
    for (const parts of groups) for (const part of parts) if (typeof part !== "string") digests.add(part.image);
    return digests;
  }

  function inline(target, parts) {
    for (const part of parts) target.append(typeof part === "string" ? document.createTextNode(part) : make("span", "chip", "image " + part.image.slice(0, 8)));
    return target;
  }

  // A question with its pictures on one side, words and gold on the other.
  function question(detail) {
    const digests = digestsOf([detail.question, ...detail.choices, ...detail.found]);
    const body = make("div", digests.size ? "question" : "question plain");
    if (digests.size) { const box = make("div", "pictures"); for (const digest of digests) box.append(picture(digest)); body.append(box); }
    const asked = make("div");
    asked.append(inline(make("p", "asked"), detail.question.filter((part) => typeof part === "string" || digests.size > 1)), gold(detail));
    body.append(asked);
    return body;
  }

  function gold(detail) {
    const box = make("ul", "choices");
    detail.choices.forEach((choice, index) => {
      const letter = String.fromCharCode(65 + index), right = detail.gold.includes(letter);
      const line = make("li", right ? "gold" : ""); line.append(make("span", "letter", letter)); inline(line, choice);
      if (right) line.append(document.createTextNode("  ← right answer"));
      box.append(line);
    });
    for (const parts of detail.found) box.append(inline(make("li", "gold"), parts));
    if (!detail.choices.length && !detail.found.length) for (const [text, count] of counted(detail.gold)) {
      const line = make("li", "gold", text); if (count > 1) line.append(make("span", "small", "  × " + count)); box.append(line);
    }
    return box;
  }

  function counted(texts) {
    const counts = new Map();
    for (const text of texts) counts.set(text, (counts.get(text) || 0) + 1);
    return [...counts].sort((a, b) => b[1] - a[1]);
  }

  const valueText = (value) => (value === null || value === undefined ? "unparsed" : Array.isArray(value) ? value.join(", ") : value);

  function verdictOf(one) {
    if (one.failure) return "failed";
    if (one.right === true) return "right";
    if (one.reply !== undefined && (one.value === null || one.value === undefined)) return "unparsed";
    return one.right === false ? "wrong" : "";
  }

  // One request: the reply as it came, what was read in it and by which rule, and the prompt as sent.
  function pass(one) {
    const box = make("section", "pass"), head = make("div", "head"), verdict = verdictOf(one);
    if (one.variant) head.append(make("b", "", one.variant));
    if (verdict) head.append(chip(verdict, verdict));
    if (one.value !== null && one.value !== undefined) {
      const at = one.shown.indexOf(one.value), read = valueText(one.value);
      head.append(chip(at >= 0 ? "chose " + String.fromCharCode(65 + at) + " = option " + read : "value: " + read, "value"));
    }
    if (one.rule) head.append(chip("rule: " + one.rule));
    if (one.finish && one.finish !== "stop") head.append(chip("finish: " + one.finish, "partial"));
    if (one.tokens !== null && one.tokens !== undefined) head.append(chip(one.tokens + " tokens"));
    if (one.seconds !== null && one.seconds !== undefined) head.append(chip(one.seconds.toFixed(2) + " s"));
    box.append(head);
    if (one.failure) box.append(make("div", "reply failure", one.failure + " after " + one.attempts + " attempt(s): " + one.message));
    else if (one.reply !== undefined) box.append(one.reply === "" ? make("div", "reply empty", "(empty reply)") : make("div", "reply", one.reply));
    else if (one.value === null || one.value === undefined) box.append(make("div", "reply empty", "(not asked)"));
    if (one.cut) box.append(make("p", "small", one.cut.toLocaleString("en") + " more characters are in outputs.jsonl"));
    if (one.weights && one.weights.length) box.append(make("p", "small", "log-likelihoods: " + one.weights.map((weight, at) => String.fromCharCode(65 + at) + " " + weight.toFixed(2)).join(", ")));
    if (one.judge) { const said = make("div", "judge"); said.append(make("span", "small", "judge"), make("div", "reply", one.judge)); box.append(said); }
    const prompt = make("details"); prompt.append(make("summary", "", "prompt as sent"));
    const text = make("div", "reply"); if (one.system) text.append(document.createTextNode("[system] " + one.system + "\n"));
    prompt.append(inline(text, one.prompt)); box.append(prompt);
    return box;
  }

  function closeZoom() {
    const cover = document.querySelector(".zoom");
    if (cover) cover.close();
    return Boolean(cover);
  }

  return { MARKS, make, option, chip, learn, picture, thumbnail, digestsOf, question, pass, valueText, closeZoom };
})();
