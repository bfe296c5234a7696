/** The session that the page is in: connecting, talking, and what is known of it. */

import { mintSecret, timeline } from "./api.js";
import { Conversation } from "./conversation.js";
import { EventLog } from "./eventlog.js";
import { Sound } from "./sound.js";
import { connect } from "./transport.js";

/** @typedef {import("./protocol.js").Entry} Entry */
/** @typedef {import("./protocol.js").RealtimeEvent} RealtimeEvent */

/** @typedef {"offline" | "connecting" | "connected"} State */

/**
 * @typedef {object} Watcher
 *     Who is told what changes.
 * @property {(entry: Entry | null) => void} changed Something to show; an event, if it is one.
 * @property {() => void} cleared All that was shown is no more.
 * @property {(message: string) => void} complain Something went wrong.
 */

export class Session {
  log = new EventLog();
  conversation = new Conversation();

  /** @type {State} */
  state = "offline";

  /** Why it is in that state, or over what it is connected. */
  detail = "";

  /** Whether the microphone is open. */
  listening = false;

  /**
   * @param {import("./settings.js").Settings} settings
   * @param {import("./tools.js").Tools} tools
   * @param {Watcher} watcher
   */
  constructor(settings, tools, watcher) {
    this.#settings = settings;
    this.#tools = tools;
    this.#watcher = watcher;
    settings.onChange((name) => this.#settingChanged(name));
    this.#watchTurns();
  }

  #settings;
  #tools;
  #watcher;

  /** @type {Sound | null} */
  #sound = null;

  /** @type {import("./transport.js").Transport | null} */
  #transport = null;

  /** @type {Promise<void> | null} While it is being connected. */
  #connecting = null;

  /** Whether it shows a log. */
  #replays = false;

  /** Whether the voice has been heard: it is fixed from then on. */
  #voiceIsFixed = false;

  /** How loud both sides are. */
  get levels() {
    return { heard: this.#sound?.heardLevel ?? 0, spoken: this.#sound?.spokenLevel ?? 0 };
  }

  /**
   * Connect, unless that has been done.
   *
   * @returns {Promise<void>} Once the session is there, or why it is not has been told.
   */
  connect() {
    if (this.state === "connected") return Promise.resolve();
    this.#connecting ??= this.#open().finally(() => (this.#connecting = null));
    return this.#connecting;
  }

  disconnect() {
    this.#transport?.close();
  }

  /**
   * Open or mute the microphone; connects for it.
   *
   * @param {boolean} open
   */
  async listen(open) {
    if (open) await this.connect();
    if (!this.#sound || (open && this.state !== "connected")) return;
    try {
      await this.#sound.setOpen(open);
    } catch (error) {
      const message = /** @type {Error} */ (error).message;
      this.#watcher.complain(`The microphone cannot be used: ${message}`);
      return;
    }
    this.listening = open;
    this.#watcher.changed(null);
  }

  /** Begin a turn that is ended by hand: what was heard before does not count. */
  async beginTurn() {
    await this.listen(true);
    if (!this.#settings.endsTurnsByHand) return;
    this.#hush();
    this.#send({ type: "input_audio_buffer.clear" });
  }

  /** End a turn that is ended by hand. */
  async endTurn() {
    if (!this.listening) return;
    await this.listen(false);
    if (!this.#settings.endsTurnsByHand) return;
    this.#send({ type: "input_audio_buffer.commit" });
    this.#send({ type: "response.create" });
  }

  /**
   * Say something in writing, and ask for an answer.
   *
   * @param {string} words
   */
  async write(words) {
    await this.connect();
    this.#hush();
    const content = [{ type: "input_text", text: words }];
    this.#send({ type: "conversation.item.create", item: { type: "message", role: "user", content } });
    this.#send({ type: "response.create" });
  }

  /** Stop the answer, and its sound. */
  interrupt() {
    this.#transport?.interrupt();
  }

  /**
   * Send an event as it is; connects for it.
   *
   * @param {RealtimeEvent} event
   * @throws {Error} It cannot be connected.
   */
  async send(event) {
    await this.connect();
    if (!this.#transport) throw new Error("There is no connection to send it over.");
    this.#transport.send(event);
  }

  /** Make room to show a log; a session that is open ends. */
  beginReplay() {
    this.disconnect();
    this.#clear();
    this.conversation.onTurnEnd = null; // the log has the times
    this.#replays = true;
  }

  /**
   * Show an event of a log.
   *
   * @param {Entry} entry
   */
  replay(entry) {
    this.log.entries.push(entry);
    this.conversation.apply(entry);
    this.#watcher.changed(entry);
  }

  /**
   * Show the times of a log.
   *
   * @param {readonly import("./protocol.js").Timeline[]} timelines
   */
  replayTimelines(timelines) {
    for (const timeline of timelines) this.#time(timeline);
  }

  #clear() {
    this.log.clear();
    this.conversation = new Conversation();
    this.#watchTurns();
    this.#watcher.cleared();
  }

  async #open() {
    if (this.#replays) this.#clear();
    this.#replays = false;
    this.#become("connecting", "Connecting …");
    const { key, model, transport } = this.#settings;
    try {
      this.#sound ??= await Sound.start();
      this.#sound.sendsSilence = !this.#settings.endsTurnsByHand;
      const secret = key && (await mintSecret(key, model));
      this.#transport = await connect(transport, {
        model,
        secret,
        sound: this.#sound,
        listener: {
          sent: (event) => this.#note("sent", event),
          received: (event) => this.#note("received", event),
          sounding: (sounds) => this.#noteSounding(sounds),
          closed: (reason) => this.#closed(reason),
        },
      });
    } catch (error) {
      const message = /** @type {Error} */ (error).message;
      this.#become("offline", "Not connected");
      this.#watcher.complain(message);
      return;
    }
    this.#voiceIsFixed = false;
    this.#become("connected", `${model} · ${this.#transport.name}`);
    this.#updateSession();
  }

  /** @param {string} reason */
  #closed(reason) {
    this.#transport = null;
    this.conversation.leave();
    this.listening = false;
    this.#sound?.setOpen(false);
    this.#become("offline", reason);
  }

  /**
   * @param {State} state
   * @param {string} detail
   */
  #become(state, detail) {
    this.state = state;
    this.detail = detail;
    this.#watcher.changed(null);
  }

  /** Stop the answer, if there is one: something else is said now. */
  #hush() {
    if (this.conversation.activeId || this.conversation.sounding) this.interrupt();
  }

  /** @param {RealtimeEvent} event */
  #send(event) {
    this.#transport?.send(event);
  }

  /** Have the session be as the settings say. */
  #updateSession() {
    this.#send({ type: "session.update", session: this.#settings.session(!this.#voiceIsFixed) });
  }

  /** @param {string} name */
  #settingChanged(name) {
    if (this.#sound) this.#sound.sendsSilence = !this.#settings.endsTurnsByHand;
    if (!["transport", "key", "model"].includes(name)) this.#updateSession();
  }

  /**
   * @param {import("./protocol.js").Direction} direction
   * @param {RealtimeEvent} event
   */
  #note(direction, event) {
    const entry = this.log.add(direction, event);
    this.conversation.apply(entry);
    this.#watcher.changed(entry);
    if (direction === "sent") return;
    if (event.type === "error") this.#watcher.complain(event.error.message);
    if (event.type === "response.content_part.added" && event.part.type === "audio") {
      this.#voiceIsFixed = true;
    }
    if (event.type === "response.done") this.#answerCalls(event.response);
  }

  /** @param {boolean} sounds */
  #noteSounding(sounds) {
    this.conversation.setSounding(sounds, this.log.now());
    this.#watcher.changed(null);
  }

  /**
   * Answer the calls of tools with what the user has put there for them.
   *
   * @param {Record<string, any>} response
   */
  #answerCalls(response) {
    const calls = response.output.filter(
      (/** @type {any} */ item) => item.type === "function_call" && item.status === "completed",
    );
    for (const { name, call_id } of calls) {
      const output = this.#tools.answerOf(name) ?? "";
      this.#send({
        type: "conversation.item.create",
        item: { type: "function_call_output", call_id, output },
      });
    }
    if (calls.length > 0) this.#send({ type: "response.create" });
  }

  /** Ask where the time of each turn went, as soon as it has ended. */
  #watchTurns() {
    this.conversation.onTurnEnd = async (id) => {
      const found = await timeline(this.#settings.key, id).catch(() => null);
      if (found) this.#time(found); // the server keeps the latest only, or is of another kind
    };
  }

  /** @param {import("./protocol.js").Timeline} timeline */
  #time(timeline) {
    this.log.timelines.push(timeline);
    this.conversation.time(timeline);
    this.#watcher.changed(null);
  }
}
