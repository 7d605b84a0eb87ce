/**
 * The page's script: tables are sorted by a click on a heading, rows are hidden by kind, sections by model. It fetches nothing; the page
 * is whole without it. It is text because it runs in the reader's browser.
 */
export const SCRIPT: string = `
(() => {
  const NUMBER = /[+-]?\\d[\\d.]*(?:e[+-]?\\d+)?/;
  /** The first number of a cell; cells that hold none come last. Cells of names are sorted by their text. */
  const keyOf = (cell, isNumber) => {
    const text = (cell ? cell.textContent : "").trim().replace(/\\u2212/g, "-");
    if (!isNumber) return text;
    const found = NUMBER.exec(text);
    return found && text !== "\\u2013" ? Number(found[0]) : null;
  };
  const compare = (a, b, sign) => {
    if (a === null || b === null) return (a === null) - (b === null);
    return sign * (a < b ? -1 : a > b ? 1 : 0);
  };
  const sortTable = (table, column, head) => {
    const sign = head.getAttribute("aria-sort") === "ascending" ? -1 : 1;
    for (const other of table.querySelectorAll("thead th")) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    const body = table.querySelector("tbody");
    const rows = [...body.querySelectorAll("tr")];
    const keys = new Map(rows.map((row) => [row, keyOf(row.children[column], column > 0)]));
    rows.sort((a, b) => compare(keys.get(a), keys.get(b), sign));
    for (const row of rows) body.append(row);
  };
  const makeSortable = (table) => {
    [...table.querySelectorAll("thead th")].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.textContent = "";
      head.append(button);
      button.addEventListener("click", () => sortTable(table, column, head));
    });
  };
  /** A row of check boxes, each of which shows and hides what find gives for its name. */
  const choices = (label, names, find) => {
    const set = document.createElement("fieldset");
    const legend = document.createElement("legend");
    legend.textContent = label;
    set.append(legend);
    for (const name of names) {
      const box = document.createElement("input");
      box.type = "checkbox";
      const show = () => { for (const part of find(name)) part.hidden = !box.checked; };
      box.checked = !name.startsWith("draw");
      box.addEventListener("change", show);
      show();
      const words = document.createElement("label");
      words.append(box, " " + name);
      set.append(words);
    }
    return set;
  };
  for (const table of document.querySelectorAll("table")) {
    if (table.querySelectorAll("tbody tr").length < 3) continue;
    makeSortable(table);
    const rows = [...table.querySelectorAll("tr[data-kind]")];
    const kinds = [...new Set(rows.map((row) => row.getAttribute("data-kind")))];
    if (kinds.length < 2) continue;
    const find = (kind) => rows.filter((row) => row.getAttribute("data-kind") === kind);
    table.parentNode.before(choices("Rows", kinds, find));
  }
  const parts = [...document.querySelectorAll("[data-model]")];
  const models = [...new Set(parts.map((part) => part.getAttribute("data-model")))];
  const nav = document.querySelector("nav");
  if (models.length > 1 && nav)
    nav.append(choices("Models", models, (model) => parts.filter((part) => part.getAttribute("data-model") === model)));
})();
`;
