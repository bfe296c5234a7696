/** What went wrong, until the user has seen it. */

import { byId, make } from "./dom.js";

const SHOWN = 3;

/**
 * Say that something went wrong.
 *
 * @param {string} message
 */
export function complain(message) {
  const notices = byId("notices", HTMLElement);
  const told = [...notices.children].some((notice) => notice.firstChild?.textContent === message);
  if (told) return;
  const close = make("button", { type: "button", "aria-label": "Dismiss" }, "×");
  const notice = make("p", { class: "notice" }, make("span", {}, message), close);
  close.addEventListener("click", () => notice.remove());
  notices.append(notice);
  while (notices.childElementCount > SHOWN) notices.firstElementChild?.remove();
}
