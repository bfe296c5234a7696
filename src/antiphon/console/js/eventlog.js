/** All events of a session, both ways: kept, and written as lines of JSON. */

/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./protocol.js").Timeline} Timeline */

/** How many events are kept. At 25 of the microphone's a second, half an hour. */
const KEPT = 50_000;

/** A log could not be read. */
export class BrokenLogError extends Error {}

export class EventLog {
  /** @type {Entry[]} */
  entries = [];

  /** @type {Timeline[]} */
  timelines = [];

  #beganAt = performance.now();

  /** @returns {number} Milliseconds since the log began. */
  now() {
    return performance.now() - this.#beganAt;
  }

  /**
   * @param {import("./protocol.js").Direction} direction
   * @param {import("./protocol.js").RealtimeEvent} event
   * @returns {Entry}
   */
  add(direction, event) {
    const entry = { at_ms: this.now(), direction, event };
    this.entries.push(entry);
    if (this.entries.length > KEPT) this.entries.splice(0, KEPT / 10);
    return entry;
  }

  clear() {
    this.entries = [];
    this.timelines = [];
    this.#beganAt = performance.now();
  }

  /** @returns {string} One line of JSON for each event, and for each timeline. */
  toLines() {
    return [...this.entries, ...this.timelines]
      .map((line) => `${JSON.stringify(line)}\n`)
      .join("");
  }
}

/**
 * Read what `toLines` wrote.
 *
 * @param {string} text
 * @returns {{entries: Entry[], timelines: Timeline[]}}
 * @throws {BrokenLogError} A line is neither an event nor a timeline; the message says which.
 */
export function readLines(text) {
  /** @type {Entry[]} */
  const entries = [];
  /** @type {Timeline[]} */
  const timelines = [];
  text.split("\n").forEach((line, index) => {
    if (!line.trim()) return;
    const read = parsed(line);
    if (isEntry(read)) entries.push(read);
    else if (isTimeline(read)) timelines.push(read);
    else throw new BrokenLogError(`Line ${index + 1} of the log is no event of the Realtime API.`);
  });
  return { entries, timelines };
}

/**
 * @param {string} line
 * @returns {any}
 */
function parsed(line) {
  try {
    return JSON.parse(line);
  } catch {
    return null;
  }
}

/**
 * @param {any} read
 * @returns {read is Entry}
 */
function isEntry(read) {
  return (
    typeof read?.at_ms === "number" &&
    ["sent", "received"].includes(read.direction) &&
    typeof read.event?.type === "string"
  );
}

/**
 * @param {any} read
 * @returns {read is Timeline}
 */
function isTimeline(read) {
  return typeof read?.response_id === "string" && typeof read.moments_ms === "object";
}
