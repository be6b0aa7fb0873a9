"use strict";
// Sorts a table by the column whose button is pressed; again, the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const headers = [...table.tHead.rows[0].cells];
  const told = document.getElementById("sorted");
  const key = (row, place, isNumber) => {
    const cell = row.cells[place];
    const text = cell.dataset.key ?? cell.textContent;
    if (!isNumber) return text;
    return text.trim() === "" ? NaN : Number(text);
  };
  headers.forEach((header, place) => {
    const isNumber = "number" in header.dataset;
    header.querySelector("button").addEventListener("click", () => {
      const down = header.getAttribute("aria-sort") === "ascending";
      const sign = down ? -1 : 1;
      const rows = [...body.rows].map((row) => [key(row, place, isNumber), row]);
      rows.sort(([a], [b]) => {
        if (!isNumber) {
          if ((a === "") !== (b === "")) return a === "" ? 1 : -1;
          return sign * a.localeCompare(b, "en", { numeric: true });
        }
        // What has no number comes last, whichever way.
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
        return sign * (a - b);
      });
      body.append(...rows.map(([, row]) => row));
      for (const other of headers) other.setAttribute("aria-sort", "none");
      header.setAttribute("aria-sort", down ? "descending" : "ascending");
      told.textContent = `Sorted by ${header.textContent}, ${down ? "highest" : "lowest"} first`;
    });
  });
}
