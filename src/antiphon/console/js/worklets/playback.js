/**
 * Plays chunks one after the other, on the audio thread, and knows how much of each item was heard.
 *
 * It is told `{itemId, samples}` to play more, or `{clear: number}` to fall silent; it answers the
 * latter with `{cleared: number, itemId, playedMs, left}`: what was played last, or `null`, how much
 * of it, and whether there was more to play.
 * It tells by itself when it begins to be heard and when it has run dry: `{sounding: boolean}`.
 */

/** @typedef {{itemId: string, samples: Float32Array}} Chunk */

class Playback extends AudioWorkletProcessor {
  /** @type {Chunk[]} */
  #chunks = [];

  /** How much of the first chunk has been played. */
  #offset = 0;

  /** @type {string | null} */
  #itemId = null;

  /** How much of the item has been played. */
  #playedSamples = 0;

  #sounding = false;

  constructor() {
    super();
    this.port.onmessage = ({ data }) => {
      if ("clear" in data) this.#clear(data.clear);
      else this.#chunks.push(data);
    };
  }

  /** @param {number} request */
  #clear(request) {
    const left = this.#chunks.length > 0;
    const itemId = left ? this.#chunks[0].itemId : this.#itemId;
    const played = itemId === this.#itemId ? this.#playedSamples : 0;
    this.#chunks = [];
    this.#offset = 0;
    this.#itemId = null;
    this.#note(false);
    const playedMs = Math.floor((played / sampleRate) * 1000);
    this.port.postMessage({ cleared: request, itemId, playedMs, left });
  }

  /** @param {boolean} sounding */
  #note(sounding) {
    if (sounding === this.#sounding) return;
    this.#sounding = sounding;
    this.port.postMessage({ sounding });
  }

  /**
   * @param {Float32Array[][]} _inputs
   * @param {Float32Array[][]} outputs
   * @returns {boolean} Whether it wants to be called again.
   */
  process(_inputs, [[out]]) {
    let filled = 0;
    while (filled < out.length && this.#chunks.length > 0) {
      const { itemId, samples } = this.#chunks[0];
      if (itemId !== this.#itemId) {
        this.#itemId = itemId;
        this.#playedSamples = 0;
      }
      const taken = samples.subarray(this.#offset, this.#offset + out.length - filled);
      out.set(taken, filled);
      filled += taken.length;
      this.#offset += taken.length;
      this.#playedSamples += taken.length;
      if (this.#offset >= samples.length) {
        this.#chunks.shift();
        this.#offset = 0;
      }
    }
    this.#note(filled > 0);
    return true;
  }
}

registerProcessor("playback", Playback);
