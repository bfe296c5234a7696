/** The event log on the page: filtered, and with events of a kind that follow each other as one. */

import { byId, make, setText } from "./dom.js";
import { jsonView } from "./json.js";
import { audioDurationMs, carriesAudio } from "./protocol.js";

/** @typedef {import("./protocol.js").Entry} Entry */

/** Rows on the page. What is older is still in the log, and is found by filtering. */
const SHOWN_ROWS = 400;

/** Events that an opened row shows. */
const SHOWN_IN_ROW = 50;

/** How far from its end the list still follows what comes, in CSS pixels. */
const FOLLOWS_WITHIN = 60;

/**
 * @typedef {object} Row
 *     Events of one type in one direction, one after the other.
 * @property {Entry[]} entries
 * @property {HTMLElement} element
 */

export class Events {
  /** @param {import("./eventlog.js").EventLog} log */
  constructor(log) {
    this.#log = log;
    for (const control of [this.#text, this.#direction, this.#type, this.#audio]) {
      control.addEventListener("input", () => this.rebuild());
    }
    this.#pause.addEventListener("click", () => {
      this.#paused = !this.#paused;
      this.#pause.setAttribute("aria-pressed", String(this.#paused));
      if (!this.#paused) this.rebuild();
    });
    this.#scroll.addEventListener("scroll", () => {
      const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
      if (clientHeight) this.#follows = scrollHeight - scrollTop - clientHeight < FOLLOWS_WITHIN;
    });
    new ResizeObserver(() => this.#followOn()).observe(this.#scroll);
  }

  #log;
  #list = byId("event-list", HTMLOListElement);
  #scroll = byId("event-scroll", HTMLElement);
  #empty = byId("no-events", HTMLElement);
  #count = byId("event-count", HTMLElement);
  #text = byId("filter-text", HTMLInputElement);
  #direction = byId("filter-direction", HTMLSelectElement);
  #type = byId("filter-type", HTMLSelectElement);
  #audio = byId("filter-audio", HTMLInputElement);
  #pause = byId("pause", HTMLButtonElement);
  #paused = false;

  /** Whether the list is at its end, and stays there. */
  #follows = true;

  /** @type {Row[]} */
  #rows = [];

  /** @type {Set<string>} Types that can be chosen. */
  #types = new Set();

  /**
   * Show what has come in the meantime.
   *
   * @param {readonly Entry[]} entries
   */
  show(entries) {
    const total = this.#log.entries.length;
    setText(this.#count, total ? total.toLocaleString("en") : "");
    this.#offerTypes(entries);
    if (this.#paused) return;
    for (const entry of entries) if (this.#wants(entry)) this.#append(entry);
    for (const row of this.#rows.splice(0, this.#rows.length - SHOWN_ROWS)) row.element.remove();
    this.#empty.hidden = this.#rows.length > 0;
    this.#followOn();
  }

  #followOn() {
    if (this.#follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }

  /** Show everything anew. */
  rebuild() {
    for (const row of this.#rows.splice(0)) row.element.remove();
    this.show(this.#log.entries);
  }

  /** @param {Entry} entry */
  #wants({ direction, event }) {
    if (this.#direction.value && direction !== this.#direction.value) return false;
    if (this.#type.value && event.type !== this.#type.value) return false;
    if (carriesAudio(event)) return this.#audio.checked && event.type.includes(this.#text.value);
    const wanted = this.#text.value.toLowerCase();
    return !wanted || JSON.stringify(event).toLowerCase().includes(wanted);
  }

  /** @param {Entry} entry */
  #append(entry) {
    const last = this.#rows.at(-1);
    const [latest] = last?.entries ?? [];
    if (last && latest.event.type === entry.event.type && latest.direction === entry.direction) {
      last.entries.push(entry);
      updateRow(last);
      return;
    }
    const row = { entries: [entry], element: createRow(entry) };
    fillWhenOpened(row);
    updateRow(row);
    this.#rows.push(row);
    this.#list.append(row.element);
  }

  /** @param {readonly Entry[]} entries */
  #offerTypes(entries) {
    const before = this.#types.size;
    for (const { event } of entries) this.#types.add(event.type);
    if (this.#types.size === before) return;
    const chosen = this.#type.value;
    const options = [...this.#types].sort().map((type) => make("option", { value: type }, type));
    this.#type.replaceChildren(make("option", { value: "" }, "All types"), ...options);
    this.#type.value = chosen;
  }
}

/** @param {Entry} entry */
function createRow({ at_ms, direction, event }) {
  const arrow = make("span", { class: "arrow", "aria-hidden": "true" }, direction === "sent" ? "↑" : "↓");
  const type = make(
    "span",
    { class: "type" },
    make("span", { class: "hidden" }, `${direction} `),
    ...breakable(event.type),
    make("span", { class: "gist" }),
  );
  const summary = make(
    "summary",
    {},
    make("time", {}, (at_ms / 1000).toFixed(2)),
    arrow,
    type,
    make("span", { class: "times", hidden: true }),
  );
  const details = make("details", {}, summary);
  return make(
    "li",
    { class: "event", "data-direction": direction, "data-type": event.type },
    details,
  );
}

/**
 * Return a type with the places where it may be broken into lines.
 *
 * @param {string} type
 */
function breakable(type) {
  return type.split(/(?<=[._])/).flatMap((part) => [make("wbr"), part]);
}

/** @param {Row} row */
function fillWhenOpened(row) {
  const details = row.element.querySelector("details");
  details?.addEventListener("toggle", () => {
    details.querySelector(".event-body")?.remove();
    if (!details.open) return;
    const shown = row.entries.slice(-SHOWN_IN_ROW);
    details.append(make("div", { class: "event-body" }, ...shown.map(({ event }) => jsonView(event))));
  });
}

/** @param {Row} row */
function updateRow({ entries, element }) {
  const gist = element.querySelector(".gist");
  const times = element.querySelector(".times");
  if (gist) setText(gist, gistOf(entries));
  if (times) {
    setText(times, `×${entries.length}`);
    times.toggleAttribute("hidden", entries.length === 1);
  }
}

/**
 * Return what the events of a row say, in a few words.
 *
 * @param {readonly Entry[]} entries
 * @returns {string}
 */
function gistOf(entries) {
  const [{ event }] = entries;
  if (carriesAudio(event)) {
    const duration = entries.reduce((sum, entry) => sum + audioDurationMs(entry.event), 0);
    return ` ${(duration / 1000).toFixed(2)} s`;
  }
  if (event.type.endsWith(".delta")) {
    return ` “${entries.map((entry) => entry.event.delta).join("").trim()}”`;
  }
  const said = event.error?.message ?? event.transcript ?? event.text ?? event.response?.status;
  return said ? ` ${said}` : "";
}
