/** A log that was saved: shown again as it was, or sent again to the server. */

import { byId } from "./dom.js";
import { readLines } from "./eventlog.js";

/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./protocol.js").Timeline} Timeline */
/** @typedef {import("./session.js").Session} Session */

/** Events that name what only the old session had. */
const TIED_TO_SESSION = [
  "conversation.item.delete",
  "conversation.item.retrieve",
  "conversation.item.truncate",
];

export class Replay {
  /**
   * @param {Session} session Where logs are replayed.
   * @param {(message: string) => void} complain Says that something went wrong.
   */
  constructor(session, complain) {
    this.#session = session;
    this.#complain = complain;
    byId("load", HTMLButtonElement).addEventListener("click", () => this.#file.click());
    this.#file.addEventListener("change", () => this.#load());
    byId("replay-stop", HTMLButtonElement).addEventListener("click", () => this.#close());
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      const what = /** @type {HTMLButtonElement} */ (event.submitter).value;
      this.#play(what === "send");
    });
  }

  #session;
  #complain;
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
      this.#complain(/** @type {Error} */ (error).message);
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
    if (!sends) this.#session.beginReplay();
    const beganAt = performance.now();
    const [first] = wanted;
    try {
      for (const entry of wanted) {
        if (pace) await until(beganAt + (entry.at_ms - first.at_ms) / pace);
        if (ending.signal.aborted) return;
        if (sends) await this.#session.send(entry.event);
        else this.#session.replay(entry);
      }
    } catch (error) {
      this.#complain(/** @type {Error} */ (error).message);
      return;
    }
    if (!sends) this.#session.replayTimelines(timelines);
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
