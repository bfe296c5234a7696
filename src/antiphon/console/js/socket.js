/** A session over a WebSocket. The page itself plays what is said, and says how far it came. */

import { fromBase64, toBase64 } from "./protocol.js";

/** @typedef {import("./transport.js").Transport} Transport */

/**
 * @param {import("./transport.js").Opening} opening
 * @returns {Promise<Transport>}
 */
export function openSocket({ model, secret, sound, listener }) {
  const url = new URL("/v1/realtime", location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({ model }).toString();
  const protocols = secret ? ["realtime", `openai-insecure-api-key.${secret}`] : ["realtime"];
  const socket = new WebSocket(url, protocols);
  return new Promise((resolve, reject) => {
    socket.onopen = () => resolve(new SocketTransport(socket, sound, listener));
    socket.onerror = () => reject(new Error(`No WebSocket could be opened to ${location.host}.`));
  });
}

/** @implements {Transport} */
class SocketTransport {
  name = "WebSocket";

  /**
   * @param {WebSocket} socket
   * @param {import("./sound.js").Sound} sound
   * @param {import("./transport.js").Listener} listener
   */
  constructor(socket, sound, listener) {
    this.#socket = socket;
    this.#sound = sound;
    this.#listener = listener;
    sound.onChunk = (samples) => {
      this.send({ type: "input_audio_buffer.append", audio: toBase64(samples) });
    };
    sound.player.onSounding = (sounds) => listener.sounding(sounds);
    socket.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    socket.onclose = ({ code, reason }) => this.#end(reason || `The connection ended (${code}).`);
  }

  #socket;
  #sound;
  #listener;

  /** @type {string | null} Whose audio comes. */
  #responseId = null;

  /** Whether that response is over. */
  #done = true;

  /** @type {string | null} Which of its items is spoken. */
  #itemId = null;

  /** @type {string | null} Whose audio is not wanted any more. */
  #hushedId = null;

  /** Whether an answer ends when the user begins to speak. */
  #speechInterrupts = true;

  /** @param {import("./protocol.js").RealtimeEvent} event */
  send(event) {
    this.#socket.send(JSON.stringify(event));
    this.#listener.sent(event);
  }

  interrupt() {
    if (!this.#done) this.send({ type: "response.cancel" });
    this.#hush();
  }

  close() {
    this.#socket.close(1000);
    this.#end("Disconnected.");
  }

  /** @param {import("./protocol.js").RealtimeEvent} event */
  #receive(event) {
    switch (event.type) {
      case "session.created":
      case "session.updated":
        this.#speechInterrupts =
          event.session.audio.input.turn_detection?.interrupt_response ?? true;
        break;
      case "response.created":
        if (event.response.conversation_id) {
          this.#responseId = event.response.id;
          this.#done = false;
          this.#itemId = null;
        }
        break;
      case "response.output_audio.delta":
        if (event.response_id !== this.#hushedId) {
          this.#itemId = event.item_id;
          this.#sound.player.play(event.item_id, fromBase64(event.delta));
        }
        break;
      case "response.done":
        if (event.response.id === this.#responseId) this.#done = true;
        break;
      case "input_audio_buffer.speech_started":
        if (this.#speechInterrupts) this.#hush();
        break;
    }
    this.#listener.received(event);
  }

  /** Fall silent, and tell the server how much of the answer was heard. */
  async #hush() {
    this.#hushedId = this.#responseId;
    const unfinishedId = this.#done ? null : this.#itemId;
    const cut = await this.#sound.player.clear();
    const isCut = cut?.left || (cut && cut.itemId === unfinishedId);
    if (isCut && this.#socket.readyState === WebSocket.OPEN) {
      this.send({
        type: "conversation.item.truncate",
        item_id: cut.itemId,
        content_index: 0,
        audio_end_ms: cut.playedMs,
      });
    }
  }

  /** @param {string} reason */
  #end(reason) {
    this.#socket.onclose = null;
    this.#socket.onmessage = null;
    this.#sound.onChunk = null;
    this.#sound.player.onSounding = null;
    this.#sound.player.clear();
    this.#listener.sounding(false);
    this.#listener.closed(reason);
  }
}
