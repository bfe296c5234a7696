/** Gathers what the microphone hears into chunks of 16-bit PCM, on the audio thread. */

const CHUNK_MS = 40;

class Capture extends AudioWorkletProcessor {
  #chunk = new Int16Array((sampleRate * CHUNK_MS) / 1000);
  #filled = 0;

  /**
   * @param {Float32Array[][]} inputs
   * @returns {boolean} Whether it wants to be called again.
   */
  process([channels]) {
    const heard = channels.at(0) ?? []; // none while the microphone is muted, in some browsers
    for (const sample of heard) {
      this.#chunk[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(sample * 32768)));
      if (this.#filled === this.#chunk.length) {
        this.port.postMessage(this.#chunk);
        this.#filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("capture", Capture);
