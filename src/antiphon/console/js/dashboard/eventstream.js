/** Reads event streams (text/event-stream), which here come by `fetch`: it can send a key. */

/**
 * @typedef {object} StreamEvent
 * @property {string} type
 * @property {string} data
 */

/** Makes events of text that comes in pieces, cut anywhere. */
export class EventStreamReader {
  #rest = "";

  /**
   * @param {string} text What has come.
   * @returns {StreamEvent[]} The events that are complete with it. Comments are none.
   */
  read(text) {
    const blocks = (this.#rest + text).split("\n\n");
    this.#rest = blocks.pop() ?? "";
    return blocks.flatMap((block) => {
      const fields = block.split("\n").map((line) => /^(\w+): ?(.*)$/.exec(line));
      const valueOf = (/** @type {string} */ name) =>
        fields.flatMap((field) => (field?.[1] === name ? [field[2]] : [])).join("\n");
      const data = valueOf("data");
      return data ? [{ type: valueOf("event") || "message", data }] : [];
    });
  }
}
