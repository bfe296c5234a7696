/** Where the time of a turn went, from moments to bars. */

import { draw, make } from "./dom.js";

/**
 * @typedef {object} Stage
 * @property {string} name
 * @property {string} says What happens in it, for who cannot see the bar.
 * @property {string} kind How the bar is coloured.
 * @property {string[]} from The moment that it begins with: the first of these that there is.
 * @property {string} to The moment that it ends with.
 */

/** @type {readonly Stage[]} */
const STAGES = [
  { name: "Silence", says: "waited to be sure that you had finished", kind: "waiting", from: ["speech_ended"], to: "turn_ended" },
  { name: "Words", says: "found out what you said", kind: "hearing", from: ["speech_ended", "turn_ended"], to: "transcribed" },
  { name: "Reading", says: "the model read the conversation", kind: "thinking", from: ["started"], to: "prompt_read" },
  { name: "Thinking", says: "the model found its first word", kind: "thinking", from: ["prompt_read"], to: "first_token" },
  { name: "First clause", says: "the model wrote enough to begin speaking", kind: "thinking", from: ["first_token"], to: "first_segment" },
  { name: "Voice", says: "the first sound was made", kind: "voicing", from: ["first_segment"], to: "first_audio" },
  { name: "Answer", says: "the rest was written and spoken", kind: "answering", from: ["first_audio", "first_token"], to: "ended" },
];

/** What ends the part of the turn in which the user waits. */
const ANSWERED = ["first_audio", "first_token", "ended"];

/** @typedef {{stage: Stage, fromMs: number, toMs: number}} Span */

/**
 * Return the stages that a turn went through, in order.
 *
 * @param {import("./protocol.js").Moments} moments
 * @returns {Span[]}
 */
export function spansOf(moments) {
  return STAGES.flatMap((stage) => {
    const fromMs = stage.from.map((name) => moments[name]).find((at) => at !== undefined);
    const toMs = moments[stage.to];
    return fromMs === undefined || toMs === undefined || toMs < fromMs
      ? []
      : [{ stage, fromMs, toMs }];
  });
}

/**
 * Return how long the user waited for the answer to begin, and for what of it.
 *
 * @param {import("./protocol.js").Moments} moments
 * @returns {{waitedMs: number, until: string, since: string} | null} `null` if it never began.
 */
export function waitOf(moments) {
  const first = ANSWERED.find((name) => moments[name] !== undefined);
  if (!first || first === "ended") return null;
  const since = moments.speech_ended !== undefined ? "last word" : "request";
  const until = first === "first_audio" ? "first sound" : "first word";
  return { waitedMs: moments[first], until, since };
}

/**
 * Draw a turn. The answer itself usually takes much longer than the wait for it, so its bar may
 * leave the picture.
 *
 * @param {import("./protocol.js").Moments} moments
 * @returns {HTMLElement}
 */
export function waterfall(moments) {
  const answered = ANSWERED.find((name) => moments[name] !== undefined);
  const shownMs = roundedUp((moments[answered ?? "ended"] ?? 0) * 1.1);
  const list = make("ol", { class: "waterfall", "aria-label": "Where the time went" });
  for (const span of spansOf(moments)) list.append(row(span, moments, shownMs));
  const marks = make(
    "span",
    { class: "axis-marks" },
    make("span", {}, "0"),
    make("span", {}, milliseconds(shownMs / 2)),
    make("span", {}, milliseconds(shownMs)),
  );
  list.append(
    make("li", { class: "span axis", "aria-hidden": "true" }, keyOf(moments), marks, make("span")),
  );
  return list;
}

/**
 * Say what the dotted line is, if there is one.
 *
 * @param {import("./protocol.js").Moments} moments
 */
function keyOf({ turn_ended }) {
  return turn_ended > 0 ? make("span", { class: "axis-key" }, "turn over") : make("span");
}

/**
 * Return the next duration whose quarters are easy to read.
 *
 * @param {number} duration
 */
function roundedUp(duration) {
  const quarter = Math.max(25, duration / 4);
  const power = 10 ** Math.floor(Math.log10(quarter));
  const factor = [1, 1.5, 2, 2.5, 3, 4, 5, 7.5].find((one) => one * power >= quarter) ?? 10;
  return factor * power * 4;
}

/**
 * @param {Span} span
 * @param {import("./protocol.js").Moments} moments
 * @param {number} shownMs
 */
function row({ stage, fromMs, toMs }, moments, shownMs) {
  const xOf = (/** @type {number} */ atMs) => `${(Math.min(atMs, shownMs) / shownMs) * 100}%`;
  const width = `${Math.max(0.6, ((Math.min(toMs, shownMs) - Math.min(fromMs, shownMs)) / shownMs) * 100)}%`;
  const endsTurn = moments.turn_ended;
  const ahead = endsTurn !== undefined && toMs < endsTurn && stage.kind !== "waiting";
  const picture = draw("svg", { "aria-hidden": "true" });
  picture.append(
    draw("rect", { x: xOf(fromMs), width, y: 0, height: 12, rx: 3, class: stage.kind }),
  );
  if (endsTurn !== undefined && endsTurn > 0) {
    const x = xOf(endsTurn);
    picture.append(draw("line", { x1: x, x2: x, y1: -4, y2: 16 }));
  }
  const told = `: ${stage.says}${ahead ? ", while it waited" : ""}, from ${milliseconds(fromMs)}, `;
  return make(
    "li",
    { class: "span" },
    make("span", { class: "span-name" }, stage.name, make("span", { class: "hidden" }, told)),
    make("span", { class: "track" }, picture),
    make("span", { class: "span-ms" }, milliseconds(toMs - fromMs)),
  );
}

/**
 * @param {number} duration
 * @returns {string}
 */
export function milliseconds(duration) {
  if (duration >= 10_000) return `${(duration / 1000).toFixed(1)} s`;
  return `${Math.round(duration).toLocaleString("en")} ms`;
}
