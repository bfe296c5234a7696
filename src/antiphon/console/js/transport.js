/**
 * How the console is connected, whatever carries the events and the sound.
 *
 * @typedef {import("./protocol.js").RealtimeEvent} RealtimeEvent
 *
 * @typedef {object} Listener
 *     Who is told what happens on a connection.
 * @property {(event: RealtimeEvent) => void} sent
 * @property {(event: RealtimeEvent) => void} received
 * @property {(sounds: boolean) => void} sounding The answer begins to be heard, or ends.
 * @property {(reason: string) => void} closed Once, however it ended.
 *
 * @typedef {object} Opening
 *     What is connected for.
 * @property {string} model
 * @property {string | null} secret A client secret; `null` where no key is needed.
 * @property {import("./sound.js").Sound} sound
 * @property {Listener} listener
 *
 * @typedef {object} Transport
 * @property {string} name For people to read.
 * @property {(event: RealtimeEvent) => void} send
 * @property {() => void} interrupt Stop the answer, and its sound.
 * @property {() => void} close
 */

import { RefusedError } from "./api.js";
import { openCall } from "./call.js";
import { openSocket } from "./socket.js";

/** Statuses of servers that take no calls. */
const NO_CALLS = [404, 405, 501];

/**
 * Connect.
 *
 * @param {string} over `webrtc`, `websocket`, or `auto`: the first, or the second if the server or
 *     the network between has no way for the first.
 * @param {Opening} opening
 * @returns {Promise<Transport>}
 * @throws {Error} It cannot be connected; the message says why.
 */
export async function connect(over, opening) {
  if (over === "websocket") return openSocket(opening);
  try {
    return await openCall(opening);
  } catch (error) {
    const refused = error instanceof RefusedError && !NO_CALLS.includes(error.status);
    if (over === "webrtc" || refused) throw error;
    return openSocket(opening);
  }
}
