/** Listens in to a session: its words, as they come. */

import { Conversation } from "../conversation.js";
import { make, oncePerFrame, setText, showList } from "../dom.js";
import { createLine, updateLine } from "../transcript.js";
import { conversationAddress } from "./addresses.js";
import { keptLineOf } from "./said.js";
import { conversationPath, sessionPath } from "./server.js";

/** @type {Record<string, string>} Who speaks, for one who only listens in. */
const NAMES = { you: "User", answer: "Assistant" };

const KEPT_ITEMS = 50;
const FOLLOWS_WITHIN_PX = 80;

/** Transcripts of a translation have no items: each side is one. */
const TRANSLATED = new Map([
  ["session.input_transcript.delta", { id: "heard", role: "user" }],
  ["session.output_transcript.delta", { id: "translated", role: "assistant" }],
]);

export class ListeningIn {
  /** @param {import("./server.js").Server} server */
  constructor(server) {
    this.#server = server;
    this.element.append(
      make("h2", {}, "Listening in"),
      make("p", { class: "listening-state" }, this.#state, this.#more),
      this.#scroll,
    );
  }

  element = make("section", {
    class: "panel listening",
    "aria-label": "Listening in",
    hidden: true,
  });

  #server;
  #conversation = new Conversation();

  /** Where it can be replayed; empty if it is not kept. */
  #conversationId = "";
  #state = make("span", { class: "badge", role: "status" });
  #more = make("span", { class: "hint" });
  #list = make("ol", { class: "transcript" });
  #hint = make("p", { class: "hint padded" });
  #scroll = make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "What is said" },
    this.#hint,
    make("div", { role: "log", "aria-live": "polite", "aria-label": "What is said" }, this.#list),
  );

  /**
   * Show what is said in a session, until it is over.
   *
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async listen(id, signal) {
    this.#conversation = new Conversation();
    this.#conversationId = "";
    this.#list.replaceChildren();
    this.#more.replaceChildren();
    this.#tell("in_progress", "connecting");
    let missed = 0;
    for await (const { type, data } of this.#heard(id, signal)) {
      if (type === "antiphon.session.over") break;
      const event = JSON.parse(data);
      if (type === "antiphon.missed") {
        missed += event.events;
        setText(this.#more, `${missed} events were left out: this page was too slow for them.`);
      } else this.#apply(event);
      this.#show();
    }
    if (signal.aborted) return;
    this.#conversation.leave();
    await new Promise((resolve) => requestAnimationFrame(resolve)); // the last words are shown
    this.#tell("neutral", "the session is over");
    if (!this.#conversationId) return;
    const address = conversationAddress(this.#conversationId);
    this.#more.replaceChildren(make("a", { href: address }, "Replay it"));
  }

  /**
   * Yield the session's events from now on, after what was said before, where that is kept.
   *
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async *#heard(id, signal) {
    const events = this.#server.events(`${sessionPath(id)}/events`, signal);
    const first = events.next(); // asks at once, so that nothing is lost between the two
    first.catch(() => {}); // what went wrong is told when it is waited for
    await this.#showEarlier(id, signal);
    this.#show();
    const { value, done } = await first;
    if (done) return;
    yield value;
    yield* events;
  }

  /**
   * @param {string} id
   * @param {AbortSignal} signal
   */
  async #showEarlier(id, signal) {
    try {
      const { data } = await this.#server.get("/antiphon/sessions", signal);
      const session = data.find((/** @type {any} */ one) => one.id === id);
      const conversation = session?.conversation_id ?? id;
      const query = `order=desc&limit=${KEPT_ITEMS}`;
      const kept = await this.#server.get(
        `${conversationPath(conversation)}/items?${query}`,
        signal,
      );
      this.#conversationId = conversation;
      this.#conversation.lines = kept.data.toReversed().map(keptLineOf);
    } catch {
      // It is not kept, or not yet: what is said from now on is shown all the same.
    }
  }

  /** @param {import("../protocol.js").RealtimeEvent} event */
  #apply(event) {
    const translated = TRANSLATED.get(event.type);
    if (translated) {
      this.#place({ type: "message", ...translated });
      const line = this.#conversation.lines.find((one) => one.id === translated.id);
      if (line) line.words += event.delta;
      return;
    }
    // What was begun before anybody listened in is known by its end only.
    if (event.type === "conversation.item.done") this.#place(event.item);
    this.#conversation.apply({ at_ms: performance.now(), direction: "received", event });
  }

  /** @param {Record<string, any>} item */
  #place(item) {
    if (this.#conversation.lines.some((line) => line.id === item.id)) return;
    const event = { type: "conversation.item.added", item };
    this.#conversation.apply({ at_ms: performance.now(), direction: "received", event });
  }

  #show = oncePerFrame(() => {
    const { lines, hearing, activeId } = this.#conversation;
    for (const line of lines) line.who = NAMES[line.side] ?? line.who;
    if (hearing) this.#tell("cancelled", "the user speaks");
    else if (activeId) this.#tell("completed", "answering");
    else this.#tell("in_progress", "quiet");
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    const follows = scrollHeight - scrollTop - clientHeight < FOLLOWS_WITHIN_PX;
    setText(this.#hint, lines.length ? "" : "Nothing has been said yet.");
    this.#hint.hidden = lines.length > 0;
    showList(this.#list, lines, (line) => line.id, createLine, updateLine);
    if (follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  });

  /**
   * @param {string} status
   * @param {string} words
   */
  #tell(status, words) {
    this.#state.dataset.status = status;
    setText(this.#state, words);
  }
}
