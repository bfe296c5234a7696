/** Asks before something is done that cannot be undone. */

import { make } from "../dom.js";

/**
 * @param {string} question
 * @param {string} consequence
 * @param {string} action What the button says that does it.
 * @returns {Promise<boolean>} Whether to go on.
 */
export function confirmed(question, consequence, action) {
  /** @type {PromiseWithResolvers<boolean>} */
  const { promise, resolve } = Promise.withResolvers();
  const no = make("button", { type: "button", class: "button quiet" }, "Cancel");
  const yes = make("button", { type: "button", class: "button destroying" }, action);
  const title = make("h2", { id: "question" }, question);
  const dialog = make(
    "dialog",
    { class: "dialog", "aria-labelledby": "question" },
    title,
    make("p", {}, consequence),
    make("div", { class: "actions" }, no, yes),
  );
  no.addEventListener("click", () => dialog.close());
  yes.addEventListener("click", () => dialog.close("yes"));
  dialog.addEventListener("close", () => {
    dialog.remove();
    resolve(dialog.returnValue === "yes");
  });
  document.body.append(dialog);
  dialog.showModal();
  return promise;
}
