"use strict";
// Sorts a table by the column whose button is pressed; again, the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const told = document.getElementById("sorted");
  // Numbers come first, then text, and last what is blank, whichever way.
  const key = (row, place, isNumber) => {
    const cell = row.cells[place];
    const text = cell.textContent.trim();
    const number = cell.dataset.key ?? (isNumber ? text : "");
    const value = number === "" ? NaN : Number(number);
    if (!Number.isNaN(value)) return [0, value];
    return [text === "" ? 2 : 1, text];
  };
  const compare = (a, b) =>
    typeof a === "number" ? a - b : a.localeCompare(b, "en", { numeric: true });
  headers.forEach((header, place) => {
    const isNumber = "number" in header.dataset;
    header.querySelector("button").addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      const sign = down ? -1 : 1;
      const rows = [...body.rows].map((row) => [key(row, place, isNumber), row]);
      rows.sort(([[kind, a]], [[other, b]]) => kind - other || sign * compare(a, b));
      body.append(...rows.map(([, row]) => row));
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      told.textContent = `Sorted by ${header.textContent}, ${down ? "highest" : "lowest"} first`;
    });
  });
}
