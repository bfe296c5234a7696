/** The page's ears and mouth: the microphone, what is played, and how loud both are. */

import { WIRE_RATE_HZ } from "./protocol.js";

/** Levels from here to there are drawn from nothing to full, in dB of full scale. */
const QUIETEST_DB = -55;
const LOUDEST_DB = -10;

export class Sound {
  /** @type {((samples: Int16Array<ArrayBuffer>) => void) | null} Takes what the microphone hears. */
  onChunk = null;

  /** @type {((track: MediaStreamTrack) => void) | null} Is told of a microphone that is new. */
  onTrack = null;

  /** Whether silence goes out while the microphone is muted, so that the server hears time pass. */
  sendsSilence = true;

  /** @param {AudioContext} context */
  constructor(context) {
    this.#context = context;
    this.#heard = new AnalyserNode(context, { fftSize: 512 });
    this.#spoken = new AnalyserNode(context, { fftSize: 512 });
    this.player = new Player(context);
    this.player.node.connect(this.#spoken);
    this.player.node.connect(context.destination);
  }

  #context;
  #heard;
  #spoken;

  /** @type {MediaStream | null} */
  #microphone = null;

  /** @type {HTMLAudioElement | null} What plays a call's answer. */
  #speaker = null;

  /** @type {MediaStreamAudioSourceNode | null} The same, on its way to the level. */
  #call = null;

  /** Whether the microphone is open. */
  #open = false;

  /**
   * Get ready. Browsers want the user to have touched the page before.
   *
   * @returns {Promise<Sound>}
   * @throws {Error} The browser does not let this page.
   */
  static async start() {
    if (!isSecureContext) {
      const where = `at http://localhost${location.port && `:${location.port}`}`;
      throw new Error(`Browsers let pages hear and speak over https only, or ${where}.`);
    }
    const context = new AudioContext({ sampleRate: WIRE_RATE_HZ, latencyHint: "interactive" });
    await Promise.all(
      ["capture", "playback"].map((name) =>
        context.audioWorklet.addModule(`/console/js/worklets/${name}.js`),
      ),
    );
    await context.resume();
    return new Sound(context);
  }

  /** @returns {MediaStreamTrack | null} The microphone. */
  get track() {
    return this.#microphone?.getAudioTracks()[0] ?? null;
  }

  /** How loud the microphone is, 0 to 1. */
  get heardLevel() {
    return this.#open ? levelOf(this.#heard) : 0;
  }

  /** How loud the answer is, 0 to 1. */
  get spokenLevel() {
    return levelOf(this.#spoken);
  }

  /**
   * Open or mute the microphone. The first time, the user is asked for it.
   *
   * @param {boolean} open
   * @throws {DOMException} There is none, or the user does not want it.
   */
  async setOpen(open) {
    if (open && !this.#microphone) await this.#findMicrophone();
    this.#open = open;
    if (this.track) this.track.enabled = open;
  }

  /**
   * Play a call's answer.
   *
   * @param {MediaStreamTrack | null} track `null` once the call is over.
   */
  hear(track) {
    this.#call?.disconnect();
    this.#call = null;
    if (this.#speaker) this.#speaker.srcObject = null;
    this.#speaker = null;
    if (!track) return;
    const stream = new MediaStream([track]);
    this.#speaker = new Audio();
    this.#speaker.srcObject = stream;
    this.#speaker.play().catch(() => {}); // the call may be over by then
    this.#call = new MediaStreamAudioSourceNode(this.#context, { mediaStream: stream });
    this.#call.connect(this.#spoken);
  }

  async #findMicrophone() {
    this.#microphone = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    });
    const source = new MediaStreamAudioSourceNode(this.#context, { mediaStream: this.#microphone });
    const capture = new AudioWorkletNode(this.#context, "capture", {
      numberOfOutputs: 0,
      channelCount: 1,
      channelCountMode: "explicit",
    });
    capture.port.onmessage = ({ data }) => {
      if (this.#open || this.sendsSilence) this.onChunk?.(data);
    };
    source.connect(this.#heard);
    source.connect(capture);
    if (this.track) this.onTrack?.(this.track);
  }
}

/**
 * @typedef {object} Cut
 *     What was played when the page fell silent.
 * @property {string} itemId
 * @property {number} playedMs How much of it was played.
 * @property {boolean} left Whether there was more of it.
 */

/** Plays samples that come in pieces. */
class Player {
  /** @type {((sounds: boolean) => void) | null} */
  onSounding = null;

  /** @type {Map<number, (cut: Cut | null) => void>} */
  #clearing = new Map();
  #requests = 0;

  /** @param {AudioContext} context */
  constructor(context) {
    this.node = new AudioWorkletNode(context, "playback", {
      numberOfInputs: 0,
      outputChannelCount: [1],
    });
    this.node.port.onmessage = ({ data }) => {
      if ("sounding" in data) {
        this.onSounding?.(data.sounding);
        return;
      }
      const { cleared, itemId, playedMs, left } = data;
      this.#clearing.get(cleared)?.(itemId === null ? null : { itemId, playedMs, left });
      this.#clearing.delete(cleared);
    };
  }

  /**
   * @param {string} itemId
   * @param {Float32Array} samples At the rate of the wire.
   */
  play(itemId, samples) {
    this.node.port.postMessage({ itemId, samples });
  }

  /**
   * Fall silent.
   *
   * @returns {Promise<Cut | null>} `null` if nothing has been played since the last time.
   */
  clear() {
    const request = ++this.#requests;
    this.node.port.postMessage({ clear: request });
    return new Promise((resolve) => this.#clearing.set(request, resolve));
  }
}

/**
 * @param {AnalyserNode} analyser
 * @returns {number} 0 to 1, even to the ear.
 */
function levelOf(analyser) {
  const samples = new Float32Array(analyser.fftSize);
  analyser.getFloatTimeDomainData(samples);
  const power = samples.reduce((sum, sample) => sum + sample * sample, 0) / samples.length;
  const db = 10 * Math.log10(power + 1e-12);
  return Math.max(0, Math.min(1, (db - QUIETEST_DB) / (LOUDEST_DB - QUIETEST_DB)));
}
