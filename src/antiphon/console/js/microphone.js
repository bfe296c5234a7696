/** The button of the microphone: pressed to switch it, or held to talk. */

import { byId, setText } from "./dom.js";

export class Microphone {
  /** @param {import("./session.js").Session} session */
  constructor(session) {
    this.#session = session;
    this.#button.addEventListener("click", () => {
      if (!this.#isHeld) session.listen(!session.listening);
    });
    this.#button.addEventListener("pointerdown", (event) => {
      if (!this.#isHeld) return;
      this.#button.setPointerCapture(event.pointerId);
      this.#press();
    });
    for (const end of ["pointerup", "pointercancel", "blur"]) {
      this.#button.addEventListener(end, () => this.#release());
    }
    this.#button.addEventListener("keydown", ({ key, repeat }) => {
      if (this.#isHeld && !repeat && (key === " " || key === "Enter")) this.#press();
    });
    this.#button.addEventListener("keyup", () => this.#release());
    this.#button.addEventListener("contextmenu", (event) => event.preventDefault());
    byId("talking", HTMLFieldSetElement).addEventListener("change", () => {
      session.listen(false);
      this.show();
    });
    this.show();
  }

  #session;
  #button = byId("microphone", HTMLButtonElement);
  #label = byId("microphone-label", HTMLElement);

  /** @type {Promise<void> | null} While the button is held: the turn being begun. */
  #turn = null;

  /** Show whether the microphone is open, and what the button does. */
  show() {
    this.#button.setAttribute("aria-pressed", String(this.#session.listening));
    setText(this.#label, this.#isHeld ? "Hold to talk" : "Microphone");
    this.#button.title = this.#isHeld ? "Hold to talk" : "Switch the microphone on or off";
  }

  /** Whether the button is to be held. */
  get #isHeld() {
    return Boolean(document.querySelector('[name="talking"][value="push"]:checked'));
  }

  #press() {
    this.#turn ??= this.#session.beginTurn();
  }

  async #release() {
    const turn = this.#turn;
    this.#turn = null;
    await turn; // who lets go early is still asked for the microphone first
    if (turn) await this.#session.endTurn();
  }
}
