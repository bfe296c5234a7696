/** Explains what stands in the way of a page, and asks for a key where one is missing. */

import { make } from "../dom.js";
import { emptyState } from "./parts.js";

const KEEPING = `[store]
keep = "everything"   # each response, with what was said
audio = true          # and how it sounded
`;

/**
 * @param {Error & {status?: number, code?: string}} error
 * @param {(key: string) => void} useKey Tries again with a key.
 * @returns {HTMLElement}
 */
export function problemView(error, useKey) {
  if (error.status === 401) return keyView("This server needs a key", error.message, useKey);
  if (error.code === "forbidden") {
    return keyView("This page takes an admin key", error.message, useKey);
  }
  if (error.code === "nothing_kept") return nothingKept();
  if (error.status === 404) return emptyState("It is not here", error.message, back());
  return emptyState("This could not be shown", error.message);
}

function back() {
  return make("p", {}, make("a", { href: "/dashboard/responses" }, "All responses"));
}

function nothingKept() {
  return emptyState(
    "Nothing is kept here yet",
    "With a few lines of its configuration this server keeps each response, to be found again, " +
      "replayed and added up. Live sessions can be seen without.",
    make("pre", { class: "json" }, KEEPING),
  );
}

/**
 * @param {string} title
 * @param {string} reason
 * @param {(key: string) => void} useKey
 */
function keyView(title, reason, useKey) {
  const field = make("input", {
    type: "password",
    name: "key",
    autocomplete: "off",
    spellcheck: "false",
    required: true,
  });
  const form = make(
    "form",
    { class: "key-form" },
    make("label", { class: "field" }, "API key", field),
    make("button", { type: "submit", class: "button primary" }, "Use this key"),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    useKey(field.value.trim());
  });
  const rules =
    "An admin key shows everything. Another key shows the responses that were made with it. It " +
    "stays in this tab, and is forgotten with it.";
  const view = emptyState(title, make("p", { role: "alert" }, reason), form);
  view.append(make("p", { class: "hint" }, rules));
  return view;
}
