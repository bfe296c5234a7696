/**
 * What the dashboard asks the server for.
 *
 * @typedef {Record<string, any>} Item An item of a conversation; `antiphon` is what is known of it.
 * @typedef {Record<string, any>} KeptResponse
 *     A RealtimeResponse; `antiphon` is what is known of it.
 *
 * @typedef {object} List
 * @property {any[]} data
 * @property {string | null} first_id
 * @property {string | null} last_id
 * @property {boolean} has_more
 * @property {string | null} [currency]
 */

import { request } from "../api.js";
import { EventStreamReader } from "./eventstream.js";

export class Server {
  /** @param {() => string | null} key Returns the key to ask with. */
  constructor(key) {
    this.#key = key;
  }

  #key;

  /**
   * @param {string} path Without `/v1`.
   * @param {AbortSignal} [signal]
   * @returns {Promise<any>}
   */
  async get(path, signal) {
    return (await this.#ask(path, { signal })).json();
  }

  /**
   * @param {string} path
   * @param {AbortSignal} [signal]
   * @returns {Promise<Blob>}
   */
  async file(path, signal) {
    return (await this.#ask(path, { signal })).blob();
  }

  /** @param {string} path */
  async delete(path) {
    await this.#ask(path, { method: "DELETE" });
  }

  /** @param {string} path */
  async post(path) {
    await this.#ask(path, { method: "POST" });
  }

  /**
   * Listen to events, until there are no more.
   *
   * @param {string} path
   * @param {AbortSignal} signal
   * @returns {AsyncGenerator<import("./eventstream.js").StreamEvent>}
   */
  async *events(path, signal) {
    const { body } = await this.#ask(path, { signal });
    if (!body) return;
    const texts = body.pipeThrough(new TextDecoderStream()).getReader();
    const reader = new EventStreamReader();
    for (let piece = await texts.read(); !piece.done; piece = await texts.read()) {
      yield* reader.read(piece.value);
    }
  }

  /**
   * @param {string} path
   * @param {RequestInit} init
   */
  #ask(path, init) {
    return request(`/v1${path}`, this.#key(), { cache: "no-store", ...init });
  }
}

/**
 * @param {string} id
 * @returns {string} The path of a response.
 */
export function responsePath(id) {
  return `/realtime/responses/${encodeURIComponent(id)}`;
}

/**
 * @param {string} id
 * @returns {string} The path of a conversation.
 */
export function conversationPath(id) {
  return `/realtime/conversations/${encodeURIComponent(id)}`;
}

/**
 * @param {string} id
 * @returns {string} The path of an open session.
 */
export function sessionPath(id) {
  return `/antiphon/sessions/${encodeURIComponent(id)}`;
}
