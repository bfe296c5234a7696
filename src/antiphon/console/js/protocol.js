/**
 * Words that all of the console shares: what goes over the wire, and what was noted of it.
 *
 * @typedef {{type: string, [field: string]: any}} RealtimeEvent
 *     An event of the Realtime API, either way.
 *
 * @typedef {"sent" | "received"} Direction
 *
 * @typedef {object} Entry
 *     An event as it was noted.
 * @property {number} at_ms Since the log began.
 * @property {Direction} direction
 * @property {RealtimeEvent} event
 *
 * @typedef {Record<string, number>} Moments
 *     Where the time of a response went, in ms since its first moment, as the server tells it.
 *
 * @typedef {object} Timeline
 * @property {string} response_id
 * @property {Moments} moments_ms
 */

/** The rate of PCM on the wire, both ways. */
export const WIRE_RATE_HZ = 24_000;

/** Fields of events that hold audio in base64, by type. */
const AUDIO_FIELDS = new Map([
  ["input_audio_buffer.append", "audio"],
  ["response.output_audio.delta", "delta"],
]);

/**
 * Say whether all that an event is there for is audio.
 *
 * @param {RealtimeEvent} event
 * @returns {boolean}
 */
export function carriesAudio(event) {
  return AUDIO_FIELDS.has(event.type);
}

/**
 * Return how long the audio in an event lasts, if it is 24 kHz PCM; 0 without audio.
 *
 * @param {RealtimeEvent} event
 * @returns {number} Milliseconds.
 */
export function audioDurationMs(event) {
  const field = AUDIO_FIELDS.get(event.type);
  const base64 = field ? event[field] : "";
  const bytes = (base64.length * 3) / 4;
  return (bytes / 2 / WIRE_RATE_HZ) * 1000;
}

/**
 * @param {Int16Array<ArrayBuffer>} samples
 * @returns {string} Base64 of little-endian PCM.
 */
export function toBase64(samples) {
  return btoa(String.fromCharCode(...new Uint8Array(samples.buffer)));
}

/**
 * @param {string} base64 Of little-endian 16-bit PCM.
 * @returns {Float32Array<ArrayBuffer>} Samples, -1 to 1.
 */
export function fromBase64(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const samples = new Int16Array(bytes.buffer, 0, bytes.length >> 1);
  return Float32Array.from(samples, (sample) => sample / 32768);
}
