/** The settings form: kept from visit to visit, and worded as `session.update`. */

import { byId, make } from "./dom.js";
import { stored } from "./stored.js";

const STORED_AS = "antiphon.settings";
const KEY_STORED_AS = "antiphon.key";

/** How the figures of the sliders are written. */
const FIGURES = new Map([
  ["speed", (/** @type {number} */ value) => `${value.toFixed(2).replace(/0$/, "")}×`],
  ["threshold", (/** @type {number} */ value) => value.toFixed(2).replace(/0$/, "")],
  ["silence_duration_ms", (/** @type {number} */ value) => `${value} ms`],
  ["prefix_padding_ms", (/** @type {number} */ value) => `${value} ms`],
]);

export class Settings {
  /** @param {import("./tools.js").Tools} tools What the assistant may call. */
  constructor(tools) {
    this.#tools = tools;
    this.#restore();
    this.#show();
    this.#form.addEventListener("input", () => this.#show());
    this.#form.addEventListener("change", () => this.#keep());
  }

  #tools;
  #form = byId("settings-form", HTMLFormElement);

  /** @returns {string | null} The API key; `null` without one. */
  get key() {
    return this.#value("key").trim() || null;
  }

  set key(key) {
    this.#field("key").value = key ?? "";
    this.#keep();
  }

  /** `auto`, `webrtc` or `websocket`. */
  get transport() {
    return this.#value("transport");
  }

  get model() {
    return this.#value("model");
  }

  /** Whether turns end by hand. */
  get endsTurnsByHand() {
    return this.#value("detection") === "none";
  }

  /**
   * Have something done after each change.
   *
   * @param {(name: string) => void} listener Is given the name of the field.
   */
  onChange(listener) {
    this.#form.addEventListener("change", ({ target }) => {
      const named = /** @type {HTMLInputElement | null} */ (target);
      listener(named?.name ?? "");
    });
    this.#tools.onChange = () => listener("tools");
  }

  /**
   * Offer models, or voices; what was chosen stays chosen if it is among them.
   *
   * @param {"model" | "voice"} name
   * @param {readonly string[]} values
   */
  offer(name, values) {
    const select = this.#field(name);
    const wanted = select.value || select.dataset.stored || "";
    const kept = [...select.querySelectorAll('option[value=""]')];
    select.replaceChildren(...kept, ...values.map((value) => make("option", { value }, value)));
    select.value = values.includes(wanted) ? wanted : (select.querySelector("option")?.value ?? "");
    this.#keep();
  }

  /**
   * Return the session as the form has it.
   *
   * @param {boolean} withVoice Whether to name the voice: it is fixed once it has been heard.
   * @returns {Record<string, unknown>}
   */
  session(withVoice) {
    const voice = this.#value("voice");
    const instructions = this.#value("instructions").trim();
    const noise = this.#value("noise_reduction");
    return {
      type: "realtime",
      output_modalities: [this.#value("modality")],
      ...(instructions && { instructions }),
      tools: this.#tools.definitions(),
      audio: {
        input: {
          transcription: { model: "default" },
          noise_reduction: noise ? { type: noise } : null,
          turn_detection: this.#turnDetection(),
        },
        output: { speed: this.#number("speed"), ...(withVoice && voice && { voice }) },
      },
    };
  }

  #turnDetection() {
    const type = this.#value("detection");
    if (type === "none") return null;
    const answering = {
      create_response: this.#checked("create_response"),
      interrupt_response: this.#checked("interrupt_response"),
    };
    if (type === "semantic_vad") return { type, eagerness: this.#value("eagerness"), ...answering };
    return {
      type,
      threshold: this.#number("threshold"),
      prefix_padding_ms: this.#number("prefix_padding_ms"),
      silence_duration_ms: this.#number("silence_duration_ms"),
      ...answering,
    };
  }

  /**
   * @param {string} name
   * @returns {HTMLInputElement | HTMLSelectElement}
   */
  #field(name) {
    return /** @type {HTMLInputElement | HTMLSelectElement} */ (
      this.#form.elements.namedItem(name)
    );
  }

  /** @param {string} name */
  #value(name) {
    return this.#field(name).value;
  }

  /** @param {string} name */
  #number(name) {
    return Number(this.#value(name));
  }

  /** @param {string} name */
  #checked(name) {
    return /** @type {HTMLInputElement} */ (this.#field(name)).checked;
  }

  /** Show the figures of the sliders, and the fields that go with the choices. */
  #show() {
    for (const [name, written] of FIGURES) {
      const output = this.#field(name).parentElement?.querySelector("output");
      if (output) output.textContent = written(this.#number(name));
    }
    const detection = this.#value("detection");
    for (const group of this.#form.querySelectorAll("[data-for]")) {
      const wanted = group.getAttribute("data-for")?.split(" ") ?? [];
      group.toggleAttribute("hidden", !wanted.includes(detection));
    }
  }

  #keep() {
    const kept = [...this.#form.elements].flatMap((element) => {
      const field = /** @type {HTMLInputElement} */ (element);
      if (!field.name || field.name === "key") return [];
      return [[field.name, field.type === "checkbox" ? field.checked : field.value]];
    });
    localStorage.setItem(STORED_AS, JSON.stringify(Object.fromEntries(kept)));
    sessionStorage.setItem(KEY_STORED_AS, this.#value("key"));
  }

  #restore() {
    const kept = stored(STORED_AS) ?? {};
    for (const [name, value] of Object.entries(kept)) {
      const field = this.#field(name);
      if (!field) continue;
      if (typeof value === "boolean") /** @type {HTMLInputElement} */ (field).checked = value;
      else field.value = value;
      field.dataset.stored = value;
    }
    this.#field("key").value = sessionStorage.getItem(KEY_STORED_AS) ?? "";
  }
}
