/** Tables, for those who see them and for those who hear them. */

import { make } from "../dom.js";

/**
 * @typedef {object} Column
 * @property {string} name
 * @property {boolean} [isFigure] Whether it holds numbers.
 */

/**
 * @param {string} caption
 * @param {readonly Column[]} columns
 * @param {readonly (readonly (Node | string)[])[]} rows The first cell of each is its heading.
 * @returns {HTMLElement} A table that can be scrolled where it is too wide.
 */
export function table(caption, columns, rows) {
  const body = rows.map((cells) =>
    make(
      "tr",
      {},
      ...cells.map((cell, index) =>
        make(index ? "td" : "th", { ...classOf(columns[index]), ...(!index && ROW) }, cell),
      ),
    ),
  );
  const heads = columns.map((column) =>
    make(
      column.name ? "th" : "td",
      { ...(column.name && COLUMN), ...classOf(column) },
      column.name,
    ),
  );
  return make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    make(
      "table",
      { class: "table" },
      make("caption", { class: "hidden" }, caption),
      make("thead", {}, make("tr", {}, ...heads)),
      make("tbody", {}, ...body),
    ),
  );
}

const ROW = { scope: "row" };
const COLUMN = { scope: "col" };

/**
 * @param {Column} column
 * @returns {Record<string, string>}
 */
function classOf({ isFigure }) {
  return isFigure ? { class: "figure-column" } : {};
}
