/** Plays what was said. Recordings are fetched with the key, so they are played from memory. */

import { draw, make, setText } from "../dom.js";
import { complain } from "../notices.js";
import { place } from "./formats.js";

const PLAY = "M8 5.5v13l10.5-6.5z";
const PAUSE = "M8 5.5v13M16 5.5v13";

/** @type {Player | null} The one that is heard: two at once would be understood by nobody. */
let heard = null;

export class Player {
  /**
   * @param {string} label What is played.
   * @param {number | null} durationMs How long it is, if that is known before it is fetched.
   * @param {() => Promise<Blob>} fetchSound
   * @param {AbortSignal} signal Ends it.
   */
  constructor(label, durationMs, fetchSound, signal) {
    this.#label = label;
    this.#durationMs = durationMs ?? 0;
    this.#fetchSound = fetchSound;
    this.#place.setAttribute("aria-label", `Place in ${label}`);
    this.element.append(this.#button, this.#place, this.#time);
    this.#button.append(draw("svg", { viewBox: "0 0 24 24", "aria-hidden": "true" }, this.#icon));
    this.#button.addEventListener("click", () => {
      if (this.#sound.paused) this.play();
      else this.pause();
    });
    this.#place.addEventListener("input", () => {
      if (this.#sound.duration) this.#sound.currentTime = Number(this.#place.value) / 1000;
      this.#show();
    });
    for (const change of ["play", "pause", "timeupdate", "loadedmetadata", "ended"]) {
      this.#sound.addEventListener(change, () => this.#show());
    }
    signal.addEventListener("abort", () => this.#end());
    this.#show();
  }

  element = make("div", { class: "player" });

  #label;
  #durationMs;
  #fetchSound;
  #sound = new Audio();
  #url = "";
  #button = make("button", { type: "button", class: "round" });
  #icon = draw("path", { d: PLAY });
  #place = make("input", { type: "range", min: 0, max: 1, value: 0 });
  #time = make("span", { class: "player-time" });

  /**
   * Play from where it stopped, or from the beginning.
   *
   * @returns {Promise<boolean>} When it stops: whether it was heard to its end.
   */
  async play() {
    if (heard !== this) heard?.pause();
    heard = this;
    try {
      await this.#load();
      if (heard !== this) return false;
      await this.#sound.play();
    } catch (error) {
      complain(`${this.#label} cannot be played: ${/** @type {Error} */ (error).message}`);
      return false;
    }
    return new Promise((resolve) => {
      this.#sound.addEventListener("pause", () => resolve(this.#sound.ended), { once: true });
    });
  }

  pause() {
    this.#sound.pause();
    if (heard === this) heard = null;
  }

  async #load() {
    if (this.#url) return;
    this.#url = URL.createObjectURL(await this.#fetchSound());
    this.#sound.src = this.#url;
  }

  #end() {
    this.pause();
    if (this.#url) URL.revokeObjectURL(this.#url);
  }

  #show() {
    const { paused, currentTime, duration } = this.#sound;
    if (duration) this.#durationMs = duration * 1000;
    const lasts = this.#durationMs ? ` / ${place(this.#durationMs)}` : "";
    this.element.toggleAttribute("data-playing", !paused);
    this.#icon.setAttribute("d", paused ? PLAY : PAUSE);
    this.#button.setAttribute("aria-label", `${paused ? "Play" : "Pause"} ${this.#label}`);
    this.#place.max = String(Math.max(1, Math.round(this.#durationMs)));
    this.#place.value = String(Math.round(currentTime * 1000));
    this.#place.setAttribute("aria-valuetext", `${place(currentTime * 1000)}${lasts}`);
    setText(this.#time, `${place(currentTime * 1000)}${lasts}`);
  }
}
