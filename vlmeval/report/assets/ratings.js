// Sorting of the table of ratings, and a filter by name. Everything is readable without.
"use strict";
const table = document.getElementById("ratings");
const filter = document.getElementById("filter");
if (table && filter) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  filter.hidden = false;
  filter.addEventListener("input", () => {
    const wanted = filter.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !row.cells[1].textContent.toLowerCase().includes(wanted);
  });
  for (const head of table.tHead.rows[0].cells) {
    if (!head.dataset.key) continue;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const value = (row) => row.cells[head.cellIndex].dataset.sort;
      const number = (text) => (text === "" ? -Infinity : Number(text));
      const order = head.dataset.key === "text"
        ? (one, other) => value(one).localeCompare(value(other))
        : (one, other) => number(value(one)) - number(value(other));
      rows.sort((one, other) => (down ? -1 : 1) * order(one, other));
      table.classList.toggle("resorted", true);
      body.append(...rows);
    });
  }
}
