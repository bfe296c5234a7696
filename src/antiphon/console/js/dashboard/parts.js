/** Small things that several pages of the dashboard show. */

import { draw, make, setText } from "../dom.js";
import { complain } from "../notices.js";
import { dayAndTime, spaced } from "./formats.js";

/**
 * @param {string} title
 * @param {...(Node | string)} children
 * @returns {HTMLElement} A part of a page, with a heading.
 */
export function panel(title, ...children) {
  return make(
    "section",
    { class: "panel", "aria-label": title },
    make("h2", {}, title),
    ...children,
  );
}

/**
 * @param {number} at Seconds of the Unix clock.
 * @returns {HTMLTimeElement}
 */
export function timeOfDay(at) {
  const iso = new Date(at * 1000).toISOString();
  return make("time", { datetime: iso, title: iso }, dayAndTime(at));
}

/** @param {string} status Of a response. */
export function badge(status) {
  return make("span", { class: "badge", "data-status": status }, spaced(status));
}

/**
 * @param {import("./server.js").KeptResponse} response
 * @returns {string} Why it ended as it did; empty if there is nothing to say.
 */
export function reasonOf({ status_details: details }) {
  return details?.error?.code ?? details?.error?.type ?? spaced(details?.reason ?? "");
}

/**
 * @param {readonly (readonly [string, Node | string])[]} pairs Names and what they have.
 * @returns {HTMLDListElement}
 */
export function facts(pairs) {
  const entries = pairs.map(([name, value]) =>
    make("div", {}, make("dt", {}, name), make("dd", {}, value)),
  );
  return make("dl", { class: "facts" }, ...entries);
}

/**
 * @param {string} label
 * @param {() => string} textOf Returns what is copied.
 */
export function copyButton(label, textOf) {
  const button = make("button", { type: "button", class: "button quiet small" }, label);
  const told = make("span", { class: "hidden", role: "status" });
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(textOf());
      setText(button, "Copied");
      setText(told, "Copied");
    } catch {
      complain("This page may not copy: browsers allow it over HTTPS and on this machine only.");
    }
  });
  return make("span", { class: "copy" }, button, told);
}

/**
 * Return an id that leads somewhere, or is only to be read.
 *
 * @param {string} id
 * @param {string} [address]
 */
export function idOf(id, address) {
  return address
    ? make("a", { class: "id", href: address }, id)
    : make("code", { class: "id" }, id);
}

/**
 * @param {string} title
 * @param {...(Node | string)} more Paragraphs.
 */
export function emptyState(title, ...more) {
  const picture = draw("svg", { viewBox: "0 0 210 60", "aria-hidden": "true" });
  picture.append(
    draw("path", { d: "M.5 0v60M70.5 0v60M140.5 0v60M209.5 0v60" }),
    ...[
      [1, 62],
      [31, 86],
      [117, 58],
    ].map(([x, width], row) => draw("rect", { x, width, y: 4 + row * 20, height: 12, rx: 3 })),
  );
  return make(
    "div",
    { class: "empty-state" },
    picture,
    make("h2", {}, title),
    ...more.map((one) => (typeof one === "string" ? make("p", {}, one) : one)),
  );
}
