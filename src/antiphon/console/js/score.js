/**
 * The levels of both sides, drawn as they pass: yours above the line, the answer's below. Where the
 * server hears you speak, the ground is tinted.
 */

import { byId } from "./dom.js";

/** One bar is this long. */
const BAR_MS = 50;

/** A bar and the gap after it, the bar alone, and one of silence, in CSS pixels. */
const PITCH = 4;
const WIDTH = 2.5;
const SILENT = 2;

/** How often it is drawn while there is nothing to see. */
const RESTING_MS = 1000;

/**
 * @typedef {object} Bar
 * @property {number} heard How loud the microphone was, 0 to 1.
 * @property {number} spoken How loud the answer was, 0 to 1.
 * @property {boolean} hearing Whether the server heard the user speak.
 */

export class Score {
  /** @param {() => Bar} measure Returns what is now. */
  constructor(measure) {
    this.#measure = measure;
    requestAnimationFrame((now) => this.#draw(now));
  }

  #measure;
  #canvas = byId("score", HTMLCanvasElement);

  /** @type {Bar[]} The latest last. */
  #bars = [];
  #lastBarAt = 0;
  #paintedAt = -RESTING_MS;
  #still = matchMedia("(prefers-reduced-motion: reduce)");

  /** @param {number} now */
  #draw(now) {
    requestAnimationFrame((later) => this.#draw(later));
    const { clientWidth, clientHeight } = this.#canvas;
    if (!clientWidth) return; // another view is shown
    const room = Math.ceil(clientWidth / PITCH) + 1;
    const sinceLast = now - this.#lastBarAt;
    if (sinceLast >= BAR_MS) {
      this.#bars = [...this.#bars, this.#measure()].slice(-room);
      this.#lastBarAt = now;
    } else if (this.#still.matches) return;
    const rests = this.#bars.every((bar) => !bar.hearing && !bar.heard && !bar.spoken);
    if (rests && now - this.#paintedAt < RESTING_MS) return;
    this.#paintedAt = now;
    const slide = rests || this.#still.matches ? 0 : Math.min(1, sinceLast / BAR_MS);
    this.#paint(clientWidth, clientHeight, slide);
  }

  /**
   * @param {number} width
   * @param {number} height
   * @param {number} slide How much of a bar has passed since the last one, 0 to 1.
   */
  #paint(width, height, slide) {
    const scale = devicePixelRatio;
    this.#canvas.width = Math.round(width * scale);
    this.#canvas.height = Math.round(height * scale);
    const pen = this.#canvas.getContext("2d");
    if (!pen) return;
    pen.scale(scale, scale);
    const style = getComputedStyle(this.#canvas);
    /** @param {string} name */
    const colour = (name) => style.getPropertyValue(name);
    const middle = height / 2;
    const reach = middle - 4;
    const xOf = (/** @type {number} */ index) =>
      width - (this.#bars.length - index + slide - 1) * PITCH - WIDTH;

    pen.fillStyle = colour("--you-wash");
    this.#bars.forEach(({ hearing }, index) => {
      if (hearing) pen.fillRect(xOf(index) - 1, 0, PITCH + 0.5, middle);
    });
    pen.fillStyle = colour("--line");
    for (let x = width - (slide - 1) * PITCH - WIDTH; x > -PITCH; x -= PITCH) {
      pen.fillRect(x, middle - 2 - SILENT, WIDTH, SILENT);
      pen.fillRect(x, middle + 2, WIDTH, SILENT);
    }
    for (const [side, name, sign] of /** @type {const} */ ([
      ["heard", "--you", -1],
      ["spoken", "--answer", 1],
    ])) {
      pen.fillStyle = colour(name);
      pen.beginPath();
      this.#bars.forEach((bar, index) => {
        const length = bar[side] * reach;
        if (length <= SILENT) return;
        const top = sign < 0 ? middle - 2 - length : middle + 2;
        pen.roundRect(xOf(index), top, WIDTH, length, WIDTH / 2);
      });
      pen.fill();
    }
  }
}
