/** The filters of the responses: a form, and what is asked for, each to be taken away. */

import { make } from "../dom.js";
import { FILTERS, filtersIn, metadataKey, pairIn, withFilter } from "./addresses.js";
import { dayAndTime, spaced } from "./formats.js";

const STATUSES = ["completed", "cancelled", "incomplete", "failed"];
const REASONS = ["turn_detected", "client_cancelled", "max_output_tokens", "content_filter"];

/** @type {Record<string, string>} */
const LABELS = {
  text: "Words",
  status: "Status",
  reason: "Reason",
  model: "Model",
  key: "Key",
  session_id: "Session",
  conversation_id: "Conversation",
  created_after: "From",
  created_before: "Until",
};

/** Filters that are filled in by their id; these are rarely typed. */
const TYPED = ["model", "key", "session_id", "conversation_id"];

export class Filters {
  /** @param {(search: URLSearchParams) => void} changed Is told what is asked for now. */
  constructor(changed) {
    this.#changed = changed;
    this.element.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#addPair();
    });
    this.element.addEventListener("change", ({ target }) => {
      if (target === this.#pair) this.#addPair();
      else this.#ask(/** @type {HTMLInputElement | HTMLSelectElement} */ (target));
    });
    this.#pair.addEventListener("input", () => this.#pair.removeAttribute("aria-invalid"));
  }

  #changed;
  #search = new URLSearchParams();

  #words = make("input", {
    type: "search",
    name: "text",
    placeholder: "Words that were said",
    "aria-label": "Words that were said",
    "aria-keyshortcuts": "Control+K",
  });

  #pair = make("input", {
    type: "text",
    placeholder: "Metadata: caller=ann",
    "aria-label": "Metadata, as key=value",
    autocapitalize: "off",
    autocomplete: "off",
    spellcheck: "false",
  });

  #chips = make("ul", { class: "chips", "aria-label": "Filters" });
  #more = make(
    "details",
    { class: "disclosure more-filters" },
    make("summary", {}, "More filters"),
    make(
      "div",
      { class: "fields" },
      ...TYPED.map((name) =>
        field(LABELS[name], make("input", { type: "text", name, spellcheck: "false" })),
      ),
      ...["created_after", "created_before"].map((name) =>
        field(LABELS[name], make("input", { type: "datetime-local", name, step: 1 })),
      ),
    ),
  );

  element = make(
    "form",
    { class: "filters", role: "search", "aria-label": "Responses" },
    make(
      "div",
      { class: "filter-row" },
      this.#words,
      this.#pair,
      choice("status", "Any status", STATUSES),
      choice("reason", "Any reason", REASONS),
    ),
    this.#more,
    this.#chips,
    make("button", { type: "submit", hidden: true }, "Search"),
  );

  /** Have the next thing typed be words to search for. */
  focus() {
    this.#words.focus();
    this.#words.select();
  }

  /**
   * Show what an address asks for.
   *
   * @param {URLSearchParams} search
   */
  show(search) {
    this.#search = search;
    for (const name of FILTERS) {
      const input = /** @type {HTMLInputElement} */ (this.element.elements.namedItem(name));
      const value = search.get(name) ?? "";
      input.value = input.type === "datetime-local" && value ? localTime(Number(value)) : value;
    }
    this.#pair.value = "";
    const filters = filtersIn(search);
    this.#chips.hidden = !filters.length;
    this.#chips.replaceChildren(...filters.map((filter) => this.#chip(filter)));
    if (filters.length > 1) this.#chips.append(this.#clearing());
  }

  /** @param {HTMLInputElement | HTMLSelectElement} input */
  #ask(input) {
    const value =
      input.type === "datetime-local" && input.value
        ? String(new Date(input.value).getTime() / 1000)
        : input.value.trim();
    if ((this.#search.get(input.name) ?? "") === value) return;
    this.#changed(withFilter(this.#search, input.name, value));
  }

  #addPair() {
    if (!this.#pair.value.trim()) return;
    const pair = pairIn(this.#pair.value);
    if (pair) this.#changed(withFilter(this.#search, pair.name, pair.value));
    else this.#pair.setAttribute("aria-invalid", "true");
  }

  /** @param {import("./addresses.js").Filter} filter */
  #chip({ name, value }) {
    const label = metadataKey(name) ?? LABELS[name];
    const remove = make(
      "button",
      { type: "button", "aria-label": `Do not ask for ${label} ${value}` },
      "×",
    );
    remove.addEventListener("click", () => {
      this.#changed(withFilter(this.#search, name, ""));
      this.#words.focus();
    });
    const kind = metadataKey(name) === null ? "known" : "metadata";
    return make(
      "li",
      { class: "chip", "data-kind": kind },
      make("span", { class: "chip-name" }, label),
      make("span", { class: "chip-value" }, shown(name, value)),
      remove,
    );
  }

  #clearing() {
    const button = make("button", { type: "button", class: "button quiet small" }, "Clear all");
    button.addEventListener("click", () => {
      this.#changed(new URLSearchParams());
      this.#words.focus();
    });
    return make("li", {}, button);
  }
}

/**
 * @param {string} name
 * @param {string} value
 */
function shown(name, value) {
  if (name.startsWith("created_")) return dayAndTime(Number(value));
  return name === "status" || name === "reason" ? spaced(value) : value;
}

/**
 * @param {string} label
 * @param {HTMLInputElement} input
 */
function field(label, input) {
  return make("label", { class: "field" }, label, input);
}

/**
 * @param {string} name
 * @param {string} any
 * @param {readonly string[]} values
 */
function choice(name, any, values) {
  return make(
    "select",
    { name, "aria-label": LABELS[name] },
    make("option", { value: "" }, any),
    ...values.map((value) => make("option", { value }, spaced(value))),
  );
}

/**
 * @param {number} at Seconds of the Unix clock.
 * @returns {string} As fields for dates and times have it, where the reader is.
 */
function localTime(at) {
  const date = new Date(at * 1000);
  const local = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return local.toISOString().slice(0, 19);
}
