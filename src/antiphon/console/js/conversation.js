/**
 * What a conversation has come to, from its events alone: so a log that is replayed looks as what
 * it was taken of.
 *
 * @typedef {object} Line
 *     An item of the conversation, as it is shown.
 * @property {string} id
 * @property {"you" | "answer" | "tool"} side
 * @property {string} who
 * @property {string} words
 * @property {boolean} finished
 * @property {string} note What is to be said beside the words.
 *
 * @typedef {object} Turn
 * @property {string} responseId
 * @property {string | null} askedId The line that it answers.
 * @property {number} createdAtMs When the page learned of it, since the log began.
 * @property {number | null} heardAtMs When its first sound was heard here.
 * @property {Record<string, any> | null} response The finished RealtimeResponse.
 * @property {import("./protocol.js").Moments | null} moments
 *
 * @typedef {import("./protocol.js").Entry} Entry
 */

/** Types of items that are a call of a tool, or its answer. */
const TOOL_ITEMS = ["function_call", "mcp_call", "mcp_list_tools", "mcp_approval_request"];

export class Conversation {
  /** @type {Line[]} */
  lines = [];

  /** @type {Turn[]} */
  turns = [];

  /** Whether the server hears the user speak. */
  hearing = false;

  /** Whether the answer is heard. */
  sounding = false;

  /** @type {string | null} The response that is being worked out. */
  activeId = null;

  /** @type {((id: string) => void) | null} Is told of each response that is done. */
  onTurnEnd = null;

  /**
   * Take note of an event.
   *
   * @param {Entry} entry
   */
  apply({ direction, event, at_ms }) {
    if (direction === "sent") return;
    switch (event.type) {
      case "session.created":
        this.#forget();
        break;
      case "input_audio_buffer.speech_started":
        this.hearing = true;
        this.#place({ id: event.item_id, type: "message", role: "user" }, undefined);
        break;
      case "input_audio_buffer.speech_stopped":
        this.hearing = false;
        break;
      case "conversation.item.added":
        this.#place(event.item, event.previous_item_id);
        break;
      case "conversation.item.done":
        this.#finish(event.item);
        break;
      case "conversation.item.deleted":
        this.lines = this.lines.filter((line) => line.id !== event.item_id);
        break;
      case "conversation.item.truncated":
        this.#with(event.item_id, (line) => {
          line.note = `cut off after ${(event.audio_end_ms / 1000).toFixed(1)} s`;
          line.finished = true;
        });
        break;
      case "conversation.item.input_audio_transcription.delta":
      case "response.output_audio_transcript.delta":
      case "response.output_text.delta":
        this.#with(event.item_id, (line) => (line.words += event.delta));
        break;
      case "conversation.item.input_audio_transcription.completed":
      case "response.output_audio_transcript.done":
        this.#with(event.item_id, (line) => {
          line.words = event.transcript;
          line.finished = true;
          if (!event.transcript) line.note = "nothing was understood";
        });
        break;
      case "conversation.item.input_audio_transcription.failed":
        this.#with(event.item_id, (line) => {
          line.finished = true;
          line.note = `not transcribed: ${event.error.message}`;
        });
        break;
      case "response.created":
        this.#begin(event.response, at_ms);
        break;
      case "response.done":
        this.#end(event.response);
        break;
      case "output_audio_buffer.started":
        this.setSounding(true, at_ms);
        break;
      case "output_audio_buffer.stopped":
      case "output_audio_buffer.cleared":
        this.setSounding(false, at_ms);
        break;
    }
  }

  /**
   * Note that the answer begins to be heard, or ends.
   *
   * @param {boolean} sounding
   * @param {number} atMs
   */
  setSounding(sounding, atMs) {
    this.sounding = sounding;
    const turn = this.turns.at(-1);
    if (sounding && turn) turn.heardAtMs ??= atMs;
  }

  /**
   * Note where the time of a response went.
   *
   * @param {import("./protocol.js").Timeline} timeline
   */
  time({ response_id, moments_ms }) {
    const turn = this.turns.find(({ responseId }) => responseId === response_id);
    if (turn) turn.moments = moments_ms;
  }

  /** Note that the session is over: nothing more comes of what has begun. */
  leave() {
    this.hearing = false;
    this.activeId = null;
    for (const line of this.lines) line.finished = true;
  }

  /**
   * @param {Turn} turn
   * @returns {string} What was asked.
   */
  questionOf(turn) {
    return this.lines.find((line) => line.id === turn.askedId)?.words ?? "";
  }

  #forget() {
    this.lines = [];
    this.turns = [];
    this.hearing = false;
    this.activeId = null;
  }

  /**
   * Put an item in its place, if it is one that is shown.
   *
   * @param {Record<string, any>} item
   * @param {string | null | undefined} previousId `null` for the front; `undefined` for the end.
   */
  #place(item, previousId) {
    const there = this.lines.find((line) => line.id === item.id);
    const line = there ?? lineOf(item);
    if (!line) return;
    const others = this.lines.filter((one) => one !== line);
    const before = others.findIndex((one) => one.id === previousId);
    const at = previousId === null ? 0 : before < 0 ? others.length : before + 1;
    this.lines = others.toSpliced(at, 0, line);
  }

  /** @param {Record<string, any>} item */
  #finish(item) {
    this.#with(item.id, (line) => {
      const isHeard = item.content?.some((/** @type {any} */ part) => part.type === "input_audio");
      line.words = wordsOf(item) || line.words;
      line.finished = !isHeard || Boolean(wordsOf(item)); // what was said is still to be found out
      if (item.status === "incomplete" && !line.note) line.note = "interrupted";
    });
  }

  /**
   * @param {Record<string, any>} response
   * @param {number} atMs
   */
  #begin(response, atMs) {
    if (response.conversation_id) this.activeId = response.id;
    const asked = this.lines.findLast((line) => line.side === "you");
    this.turns.push({
      responseId: response.id,
      askedId: asked?.id ?? null,
      createdAtMs: atMs,
      heardAtMs: null,
      response: null,
      moments: null,
    });
  }

  /** @param {Record<string, any>} response */
  #end(response) {
    if (response.id === this.activeId) this.activeId = null;
    const turn = this.turns.find(({ responseId }) => responseId === response.id);
    if (turn) turn.response = response;
    this.onTurnEnd?.(response.id);
  }

  /**
   * @param {string} id
   * @param {(line: Line) => void} change
   */
  #with(id, change) {
    const line = this.lines.find((one) => one.id === id);
    if (line) change(line);
  }
}

/**
 * Return how an item is shown; `null` for one that is not.
 *
 * @param {Record<string, any>} item
 * @returns {Line | null}
 */
export function lineOf(item) {
  const line = { id: item.id, words: wordsOf(item), finished: item.status === "completed", note: "" };
  if (TOOL_ITEMS.includes(item.type)) {
    return { ...line, side: "tool", who: item.name ?? item.server_label };
  }
  if (item.type === "function_call_output") return { ...line, side: "tool", who: "Answer of the tool" };
  if (item.role === "user") return { ...line, side: "you", who: "You" };
  if (item.role === "assistant") return { ...line, side: "answer", who: "Antiphon" };
  return null;
}

/**
 * @param {Record<string, any>} item
 * @returns {string}
 */
function wordsOf(item) {
  const parts = item.content ?? [];
  const said = parts.map((/** @type {any} */ part) => part.text ?? part.transcript ?? "").join(" ");
  return said || item.arguments || item.output || "";
}
