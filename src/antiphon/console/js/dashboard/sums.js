/**
 * Sums over what the server tells of usage.
 *
 * @typedef {object} Usage
 * @property {string} [day]
 * @property {number} [hour]
 * @property {string} [model]
 * @property {string | null} [key]
 * @property {number} responses
 * @property {number} failed
 * @property {number} input_tokens
 * @property {number} output_tokens
 * @property {number} cached_tokens
 * @property {number} input_audio_tokens
 * @property {number} output_audio_tokens
 * @property {number | null} cost
 *
 * @typedef {Usage & {name: string}} NamedUsage
 */

const COUNTED = /** @type {const} */ ([
  "responses",
  "failed",
  "input_tokens",
  "output_tokens",
  "cached_tokens",
  "input_audio_tokens",
  "output_audio_tokens",
]);

const NO_KEY = "without a key";

/**
 * @param {readonly Usage[]} rows
 * @returns {Usage} All of them together.
 */
export function total(rows) {
  const costs = rows.flatMap(({ cost }) => (cost === null ? [] : [cost]));
  const counted = Object.fromEntries(
    COUNTED.map((name) => [name, added(rows.map((row) => row[name]))]),
  );
  const cost = costs.length ? added(costs) : null;
  return { .../** @type {Record<typeof COUNTED[number], number>} */ (counted), cost };
}

/** @param {readonly number[]} numbers */
function added(numbers) {
  return numbers.reduce((sum, one) => sum + one, 0);
}

/**
 * Put together what has the same name.
 *
 * @param {readonly Usage[]} rows
 * @param {(row: Usage) => string} nameOf
 * @returns {NamedUsage[]} In the order in which the names come first.
 */
export function grouped(rows, nameOf) {
  const groups = Map.groupBy(rows, nameOf);
  return [...groups].map(([name, ofName]) => ({ name, ...total(ofName) }));
}

/**
 * @param {Usage} row
 * @returns {string} What its API key is called.
 */
export function keyOf({ key }) {
  return key ?? NO_KEY;
}

/**
 * @param {readonly NamedUsage[]} groups
 * @returns {NamedUsage[]} Those with the most tokens first.
 */
export function largestFirst(groups) {
  return groups.toSorted((one, other) => tokensOf(other) - tokensOf(one));
}

/** @param {Usage} row */
export function tokensOf({ input_tokens, output_tokens }) {
  return input_tokens + output_tokens;
}

/**
 * @param {Usage} row
 * @returns {number} When its day or hour begins, in seconds of the Unix clock.
 */
export function timeOf({ hour, day }) {
  return hour ?? Date.parse(`${day}T00:00:00Z`) / 1000;
}
