/**
 * Plots over time, drawn anew whenever there is more or less room. What a plot shows is also in a
 * table below it, and in its legend: the newest values, or those under the pointer.
 *
 * @typedef {object} Span
 * @property {number} from In seconds of the Unix clock.
 * @property {number} to
 * @property {number} stepS What each point is of.
 */

import { draw, make, setText } from "../dom.js";
import { dayAndTime } from "./formats.js";
import { niceTicks, runsOf, timeTicks } from "./scales.js";
import { table } from "./tables.js";

/**
 * @template P
 * @typedef {object} Series
 * @property {string} name
 * @property {string} kind Class of what is drawn: its colour.
 * @property {"line" | "bar"} shape Bars of several series stand on each other.
 * @property {(point: P) => number} valueOf
 */

const LEFT = 44;
const RIGHT = 10;
const TOP = 8;
const BOTTOM = 22;
const MARK_PX = 84;

/** What a bar leaves free of its span, at most. */
const GAP_PX = 2;

/** @template P */
export class TimeChart {
  /**
   * @param {string} title
   * @param {Series<P>[]} series
   * @param {(point: P) => number} timeOf
   * @param {(value: number) => string} write Writes values, with their unit.
   * @param {string} nothing What to say where there are no points.
   * @param {"h2" | "h3"} [heading] What its title is, in the outline of the page.
   */
  constructor(title, series, timeOf, write, nothing, heading = "h3") {
    this.#series = series;
    this.#timeOf = timeOf;
    this.#write = write;
    this.#title = title;
    this.#nothing.textContent = nothing;
    this.#legend.append(...series.map(legendEntry));
    this.element.append(
      make("figcaption", {}, make(heading, {}, title), this.#legend, this.#when),
      this.#picture,
      this.#nothing,
      this.#details,
    );
    this.#picture.addEventListener("pointermove", ({ offsetX }) => this.#point(offsetX));
    this.#picture.addEventListener("pointerleave", () => this.#point(null));
    new ResizeObserver(() => this.#draw()).observe(this.#picture);
  }

  element = make("figure", { class: "chart" });

  #title;
  #series;
  #timeOf;
  #write;

  /** @type {readonly P[]} Oldest first. */
  #points = [];

  /** @type {Span} */
  #span = { from: 0, to: 1, stepS: 1 };

  #legend = make("dl", { class: "legend" });
  #when = make("span", { class: "legend-time" });
  #picture = draw("svg", { role: "img" });
  #cursor = draw("line", { class: "cursor", y1: TOP, y2: 0, visibility: "hidden" });
  #nothing = make("p", { class: "chart-empty" });
  #details = make("details", { class: "disclosure" }, make("summary", {}, "As a table"));

  /**
   * @param {readonly P[]} points Oldest first.
   * @param {Span} span
   */
  show(points, span) {
    this.#points = points;
    this.#span = span;
    this.#nothing.hidden = points.length > 0;
    this.#details.hidden = !points.length;
    this.#details.querySelector(".scroll")?.remove();
    if (points.length) this.#details.append(this.#table());
    this.#picture.setAttribute("aria-label", this.#inWords());
    this.#point(null);
    this.#draw();
  }

  #inWords() {
    const last = this.#points.at(-1);
    if (!last) return `${this.#title}: ${this.#nothing.textContent}`;
    const values = this.#series.map(({ name, valueOf }) => `${name} ${this.#write(valueOf(last))}`);
    return `${this.#title}. At last: ${values.join(", ")}. All values are in the table below.`;
  }

  #table() {
    const rows = this.#points
      .toReversed()
      .map((point) => [
        dayAndTime(this.#timeOf(point)),
        ...this.#series.map(({ valueOf }) => this.#write(valueOf(point))),
      ]);
    const columns = this.#series.map(({ name }) => ({ name, isFigure: true }));
    return table(`${this.#title} over time`, [{ name: "From" }, ...columns], rows);
  }

  /** @returns {number} The height up to which values are shown. */
  #most() {
    const bars = this.#series.filter(({ shape }) => shape === "bar");
    const lines = this.#series.filter(({ shape }) => shape === "line");
    const heights = this.#points.flatMap((point) => [
      bars.reduce((sum, { valueOf }) => sum + valueOf(point), 0),
      ...lines.map(({ valueOf }) => valueOf(point)),
    ]);
    return Math.max(0, ...heights);
  }

  #draw() {
    const { clientWidth: width, clientHeight: height } = this.#picture;
    if (!width || !height) return;
    const ticks = niceTicks(this.#most(), height < 140 ? 2 : 4);
    const top = ticks.at(-1) ?? 1;
    const { from, to, stepS } = this.#span;
    const xOf = (/** @type {number} */ at) =>
      LEFT + ((at - from) / (to - from)) * (width - LEFT - RIGHT);
    const yOf = (/** @type {number} */ value) =>
      height - BOTTOM - (value / top) * (height - BOTTOM - TOP);
    const grid = draw("g", { class: "grid" });
    for (const tick of ticks) {
      grid.append(draw("line", { x1: LEFT, x2: width - RIGHT, y1: yOf(tick), y2: yOf(tick) }));
      grid.append(written(LEFT - 7, yOf(tick) + 4, this.#write(tick), "end"));
    }
    const most = Math.max(2, Math.floor((width - LEFT - RIGHT) / MARK_PX));
    for (const { at, label } of timeTicks(from, to, most)) {
      grid.append(
        draw("line", { x1: xOf(at), x2: xOf(at), y1: height - BOTTOM, y2: height - BOTTOM + 4 }),
      );
      if (xOf(at) < width - 24) grid.append(written(xOf(at), height - 4, label, "middle"));
    }
    this.#cursor.setAttribute("y2", String(height - BOTTOM));
    const wide = xOf(from + stepS) - xOf(from);
    this.#picture.replaceChildren(
      grid,
      ...this.#bars(xOf, yOf, wide),
      ...this.#lines((at) => xOf(at) + wide / 2, yOf),
      this.#cursor,
    );
  }

  /**
   * @param {(at: number) => number} xOf
   * @param {(value: number) => number} yOf
   * @param {number} wide Pixels of each span.
   */
  #bars(xOf, yOf, wide) {
    const bars = this.#series.filter(({ shape }) => shape === "bar");
    const width = Math.max(1, wide - Math.min(GAP_PX, wide * 0.2));
    return this.#points.flatMap((point) => {
      let below = 0;
      return bars.flatMap(({ kind, valueOf }) => {
        const value = valueOf(point);
        if (!value) return [];
        const y = yOf(below + value);
        // What is there is seen, however little it is.
        const height = Math.max(1.5, yOf(below) - y);
        below += value;
        const x = xOf(this.#timeOf(point)) + (wide - width) / 2;
        return [draw("rect", { class: kind, x, y, width, height, rx: Math.min(2, width / 3) })];
      });
    });
  }

  /**
   * @param {(at: number) => number} xOf
   * @param {(value: number) => number} yOf
   */
  #lines(xOf, yOf) {
    const runs = runsOf(this.#points, this.#timeOf, this.#span.stepS);
    const lines = this.#series.filter(({ shape }) => shape === "line").toReversed();
    return lines.flatMap(({ kind, valueOf }) =>
      runs.map((run) => {
        const at = run.map((point) => `${xOf(this.#timeOf(point))},${yOf(valueOf(point))}`);
        if (at.length > 1) return draw("polyline", { class: kind, points: at.join(" ") });
        const [cx, cy] = at[0].split(",");
        return draw("circle", { class: kind, cx, cy, r: 2.5 });
      }),
    );
  }

  /**
   * Show the values at a place.
   *
   * @param {number | null} x In pixels; `null` for the newest.
   */
  #point(x) {
    const { from, to, stepS } = this.#span;
    const room = this.#picture.clientWidth - LEFT - RIGHT;
    const at = x === null ? Infinity : from + ((x - LEFT) / room) * (to - from) - stepS / 2;
    const away = (/** @type {P} */ point) => Math.abs(this.#timeOf(point) - at);
    const point =
      x === null
        ? this.#points.at(-1)
        : this.#points.toSorted((one, other) => away(one) - away(other))[0];
    for (const [index, { valueOf }] of this.#series.entries()) {
      const value = this.#legend.children[index].lastElementChild;
      if (value) setText(value, point ? this.#write(valueOf(point)) : "–");
    }
    setText(this.#when, point ? dayAndTime(this.#timeOf(point)).slice(0, -3) : "");
    if (x === null || !point) {
      this.#cursor.setAttribute("visibility", "hidden");
      return;
    }
    const place = LEFT + ((this.#timeOf(point) + stepS / 2 - from) / (to - from)) * room;
    this.#cursor.setAttribute("x1", String(place));
    this.#cursor.setAttribute("x2", String(place));
    this.#cursor.setAttribute("visibility", "visible");
  }
}

/** @param {Series<any>} series */
function legendEntry({ name, kind, shape }) {
  const key = draw("svg", { class: "legend-key", viewBox: "0 0 14 10", "aria-hidden": "true" });
  key.append(
    shape === "bar"
      ? draw("rect", { class: kind, x: 2, width: 10, height: 10, rx: 2 })
      : draw("polyline", { class: kind, points: "0,5 14,5" }),
  );
  return make("div", {}, make("dt", {}, key, name), make("dd", {}));
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {"middle" | "end"} anchor
 */
function written(x, y, text, anchor) {
  const element = draw("text", { x, y, "text-anchor": anchor });
  element.textContent = text;
  return element;
}
