/** JSON to look at. */

import { make } from "./dom.js";

/** Texts longer than this, audio most of all, are shown by their length. */
const SHOWN_CHARS = 400;

const TOKENS = /"(?:[^"\\]|\\.)*"(\s*:)?|[^"]+/g;

/**
 * Return a value as indented, coloured JSON.
 *
 * @param {unknown} value
 * @returns {HTMLPreElement}
 */
export function jsonView(value) {
  const block = make("pre", { class: "json", tabindex: 0, role: "group", "aria-label": "JSON" });
  const text = JSON.stringify(value, shortened, 2);
  for (const [token, colon] of text.matchAll(TOKENS)) {
    if (!token.startsWith('"')) block.append(token);
    else block.append(make("span", { class: colon ? "name" : "text" }, token));
  }
  return block;
}

/**
 * @param {string} _name
 * @param {unknown} value
 */
function shortened(_name, value) {
  if (typeof value !== "string" || value.length <= SHOWN_CHARS) return value;
  const kept = value.slice(0, 48);
  return `${kept}… (${value.length.toLocaleString("en")} characters)`;
}
