/** Items of a conversation that is over, as they are shown. */

import { lineOf } from "../conversation.js";
import { make } from "../dom.js";

/** Who speaks, for one who was not there. */
const NAMES = new Map([
  ["user", "User"],
  ["assistant", "Assistant"],
  ["system", "System"],
]);

const NOT_KEPT = "no words are kept";

/**
 * @param {import("./server.js").Item} item
 * @returns {import("../conversation.js").Line}
 */
export function keptLineOf(item) {
  const line = lineOf(item) ?? { ...lineOf({ ...item, role: "user" }), side: "tool" };
  const who = NAMES.get(item.role) ?? line.who;
  const note = item.status === "incomplete" ? "interrupted" : "";
  return /** @type {import("../conversation.js").Line} */ ({ ...line, who, note, finished: true });
}

/**
 * @param {import("./server.js").KeptResponse} response
 * @returns {string} What it said or called, or why it failed, in one line.
 */
export function gistOf({ output, status_details: details }) {
  const lines = (output ?? []).map(keptLineOf);
  const words = lines.map((/** @type {any} */ { side, who, words }) =>
    side === "tool" ? `${who}(${words})` : words,
  );
  return details?.error?.message ?? words.filter(Boolean).join(" ");
}

/**
 * @param {import("./server.js").Item} item
 * @param {...Node} more What stands below the words.
 * @returns {HTMLLIElement}
 */
export function saidElement(item, ...more) {
  const { side, who, words, note } = keptLineOf(item);
  const speaker = make("p", { class: "speaker" }, make("strong", {}, who), make("span", {}, note));
  const isCall = side === "tool" && item.role !== "system";
  const shown = words
    ? make("p", { class: isCall ? "call" : "said-words" }, words)
    : make("p", { class: "said-words unfinished" }, NOT_KEPT);
  return make("li", { class: "said", "data-side": side }, speaker, shown, ...more);
}
