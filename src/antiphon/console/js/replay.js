/** A log that was saved: shown again as it was, or sent again to the server. */

import { byId } from "./dom.js";
import { readLines } from "./eventlog.js";

/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./protocol.js").Timeline} Timeline */

/** Events that name what only the old session had. */
const TIED_TO_SESSION = [
  "conversation.item.delete",
  "conversation.item.retrieve",
  "conversation.item.truncate",
];

/**
 * @typedef {object} Stage
 *     Where a log is replayed.
 * @property {() => void} clear Make room for it.
 * @property {(entry: Entry) => void} show
 * @property {(timelines: readonly Timeline[]) => void} showTimelines
 * @property {(event: import("./protocol.js").RealtimeEvent) => Promise<void>} send
 * @property {(message: string) => void} complain
 */

export class Replay {
  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
    byId("load", HTMLButtonElement).addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => this.#load());
    byId("replay-stop", HTMLButtonElement).addEventListener("click", () => this.#close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const what = /** @type {HTMLButtonElement} */ (event.submitter).value;
      this.#play(what === "send");
    });
  }

  #stage;
  #file = byId("log-file", HTMLInputElement);
  #form = byId("replay", HTMLFormElement);
  #title = byId("replay-title", HTMLElement);

  /** @type {{entries: Entry[], timelines: Timeline[]}} */
  #log = { entries: [], timelines: [] };

  /** Ends what is being replayed. */
  #ending = new AbortController();

  async #load() {
    const [file] = this.#file.files ?? [];
    if (!file) return;
    try {
      this.#log = readLines(await file.text());
    } catch (error) {
      this.#stage.complain(/** @type {Error} */ (error).message);
      return;
    } finally {
      this.#file.value = "";
    }
    this.#title.textContent = `${file.name}: ${this.#log.entries.length} events`;
    this.#form.hidden = false;
  }

  #close() {
    this.#ending.abort();
    this.#form.hidden = true;
  }

  /** @param {boolean} sends Whether the client's events are sent to the server. */
  async #play(sends) {
    this.#ending.abort();
    const ending = (this.#ending = new AbortController());
    const pace = Number(byId("replay-pace", HTMLSelectElement).value);
    const { entries, timelines } = this.#log;
    const wanted = sends ? entries.filter(canBeSent) : entries;
    if (!sends) this.#stage.clear();
    const beganAt = performance.now();
    const [first] = wanted;
    try {
      for (const entry of wanted) {
        if (pace) await until(beganAt + (entry.at_ms - first.at_ms) / pace);
        if (ending.signal.aborted) return;
        if (sends) await this.#stage.send(entry.event);
        else this.#stage.show(entry);
      }
    } catch (error) {
      this.#stage.complain(/** @type {Error} */ (error).message);
      return;
    }
    if (!sends) this.#stage.showTimelines(timelines);
  }
}

/** @param {Entry} entry */
function canBeSent({ direction, event }) {
  const answersCall = event.item?.type === "function_call_output";
  return direction === "sent" && !answersCall && !TIED_TO_SESSION.includes(event.type);
}

/** @param {number} at */
function until(at) {
  return new Promise((resolve) => setTimeout(resolve, at - performance.now()));
}
