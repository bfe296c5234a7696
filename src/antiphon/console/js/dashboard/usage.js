/** Who used how much: by key, by model or by day. */

import { draw, make } from "../dom.js";
import { day, money, short, whole } from "./formats.js";
import { grouped, keyOf, largestFirst, timeOf, tokensOf } from "./sums.js";
import { table } from "./tables.js";

/** @typedef {import("./sums.js").Usage} Usage */
/** @typedef {import("./sums.js").NamedUsage} NamedUsage */

/** @type {Record<string, {title: string, group: (rows: readonly Usage[]) => NamedUsage[]}>} */
const GROUPS = {
  key: { title: "Key", group: (rows) => largestFirst(grouped(rows, keyOf)) },
  model: {
    title: "Model",
    group: (rows) => largestFirst(grouped(rows, ({ model }) => model ?? "")),
  },
  day: { title: "Day", group: (rows) => grouped(rows, (row) => day(timeOf(row))) },
};

export class UsageTable {
  constructor() {
    const choices = Object.entries(GROUPS).map(([name, { title }]) => {
      const input = make("input", {
        type: "radio",
        name: "usage-by",
        value: name,
        checked: name === "key",
      });
      return make("label", {}, input, title);
    });
    this.element.append(
      make(
        "div",
        { class: "panel-head" },
        make("h2", {}, "Tokens and cost"),
        make(
          "fieldset",
          { class: "segmented" },
          make("legend", { class: "hidden" }, "By"),
          ...choices,
        ),
      ),
      this.#table,
    );
    this.element.addEventListener("change", ({ target }) => {
      this.#by = /** @type {HTMLInputElement} */ (target).value;
      this.#draw();
    });
  }

  element = make("section", { class: "panel", "aria-label": "Tokens and cost" });

  #by = "key";
  #table = make("div");

  /** @type {readonly Usage[]} */
  #rows = [];

  /** @type {string | null} */
  #currency = null;

  /**
   * @param {readonly Usage[]} rows
   * @param {string | null} currency
   */
  show(rows, currency) {
    this.#rows = rows;
    this.#currency = currency;
    this.#draw();
  }

  #draw() {
    const { title, group } = GROUPS[this.#by];
    const groups = group(this.#rows);
    const most = Math.max(1, ...groups.map(tokensOf));
    const figures = ["Responses", "Failed", "Read", "cached", "Written", "Heard", "Spoken", "Cost"];
    const columns = [
      { name: title },
      { name: "Tokens" },
      ...figures.map((name) => ({ name, isFigure: true })),
    ];
    this.#table.replaceChildren(
      groups.length
        ? table(
            `Tokens and cost by ${title.toLowerCase()}`,
            columns,
            groups.map((one) => this.#cells(one, most)),
          )
        : make("p", { class: "padded hint" }, "Nothing was used in this time."),
    );
  }

  /**
   * @param {NamedUsage} one
   * @param {number} most
   */
  #cells(one, most) {
    return [
      one.name,
      bar(one, most),
      whole(one.responses),
      whole(one.failed),
      short(one.input_tokens),
      short(one.cached_tokens),
      short(one.output_tokens),
      short(one.input_audio_tokens),
      short(one.output_audio_tokens),
      money(one.cost, this.#currency),
    ];
  }
}

/**
 * @param {NamedUsage} one
 * @param {number} most
 */
function bar({ input_tokens: read, output_tokens: written }, most) {
  const widthOf = (/** @type {number} */ tokens) => `${(tokens / most) * 100}%`;
  const picture = draw("svg", {
    class: "share-bar",
    role: "img",
    "aria-label": `${whole(read)} read, ${whole(written)} written`,
  });
  picture.append(
    draw("rect", { class: "read", width: widthOf(read), height: "100%" }),
    draw("rect", { class: "written", x: widthOf(read), width: widthOf(written), height: "100%" }),
  );
  return make("span", { class: "share" }, picture);
}
