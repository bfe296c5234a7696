/** From figures and times to places in a plot. */

import { clock } from "./formats.js";

const MINUTE_S = 60;
const HOUR_S = 60 * MINUTE_S;
const DAY_S = 24 * HOUR_S;

/** Steps between marks of a time axis that clocks and calendars have, in seconds. */
const TIME_STEPS_S = [
  ...[5, 15, 30].map((minutes) => minutes * MINUTE_S),
  ...[1, 3, 6, 12].map((hours) => hours * HOUR_S),
  ...[1, 2, 5, 7, 14, 30, 60, 90].map((days) => days * DAY_S),
];

const DAY_AND_MONTH = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

/**
 * @param {number} most The largest value that is shown.
 * @param {number} [parts] How many steps there should be about.
 * @returns {number[]} Round values from 0 to one that is not below `most`.
 */
export function niceTicks(most, parts = 4) {
  const rough = Math.max(most, 1) / parts;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = ([1, 2, 2.5, 5].find((one) => one * power >= rough * 0.999) ?? 10) * power;
  const wholeStep = Math.max(1, step);
  const count = Math.ceil(Math.max(most, 1) / wholeStep - 1e-9);
  return Array.from({ length: count + 1 }, (_, index) => index * wholeStep);
}

/**
 * @param {number} from Seconds of the Unix clock.
 * @param {number} to
 * @param {number} most How many marks there is room for.
 * @returns {{at: number, label: string}[]} Marks at round times where the reader is.
 */
export function timeTicks(from, to, most) {
  const step = TIME_STEPS_S.find((one) => (to - from) / one <= most) ?? 365 * DAY_S;
  const offset = new Date(from * 1000).getTimezoneOffset() * MINUTE_S;
  const first = Math.ceil((from - offset) / step) * step + offset;
  const ticks = [];
  for (let at = first; at <= to; at += step) ticks.push({ at, label: labelAt(at, step) });
  return ticks;
}

/**
 * @param {number} at
 * @param {number} step
 */
function labelAt(at, step) {
  const date = new Date(at * 1000);
  const isMidnight = date.getHours() === 0 && date.getMinutes() === 0;
  return step >= DAY_S || isMidnight ? DAY_AND_MONTH.format(date) : clock(at);
}

/**
 * Split a series where something is missing in it.
 *
 * @template T
 * @param {readonly T[]} points Oldest first.
 * @param {(point: T) => number} timeOf
 * @param {number} stepS Between points.
 * @returns {T[][]} Runs of points without a gap between them.
 */
export function runsOf(points, timeOf, stepS) {
  /** @type {T[][]} */
  const runs = [];
  for (const point of points) {
    const last = runs.at(-1)?.at(-1);
    if (last !== undefined && timeOf(point) - timeOf(last) <= stepS * 1.5) runs.at(-1)?.push(point);
    else runs.push([point]);
  }
  return runs;
}
