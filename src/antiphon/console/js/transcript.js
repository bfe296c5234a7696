/** The words of both sides, as they come. */

import { byId, make, setText, showList } from "./dom.js";

/** How far from its end the transcript still follows what comes, in CSS pixels. */
const FOLLOWS_WITHIN = 80;

export class Transcript {
  #list = byId("transcript", HTMLOListElement);
  #scroll = byId("transcript-scroll", HTMLElement);
  #empty = byId("empty", HTMLElement);

  /** @param {import("./conversation.js").Conversation} conversation */
  show({ lines }) {
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    const follows = scrollHeight - scrollTop - clientHeight < FOLLOWS_WITHIN;
    this.#empty.hidden = lines.length > 0;
    showList(this.#list, lines, (line) => line.id, createLine, updateLine);
    if (follows) this.#scroll.scrollTop = this.#scroll.scrollHeight;
  }
}

/** @param {import("./conversation.js").Line} line */
export function createLine(line) {
  const speaker = make("p", { class: "speaker" }, make("strong", {}, line.who), make("span"));
  const words = make("p", { class: line.side === "tool" ? "call" : "said-words" });
  return make("li", { class: "said", "data-side": line.side }, speaker, words);
}

/**
 * @param {HTMLElement} element
 * @param {import("./conversation.js").Line} line
 */
export function updateLine(element, line) {
  const [speaker, words] = element.children;
  const note = speaker.lastElementChild;
  if (note) setText(note, line.note);
  setText(words, line.words);
  words.classList.toggle("unfinished", !line.finished);
  // Screen readers wait for the whole, instead of beginning anew with each word.
  element.setAttribute("aria-busy", String(!line.finished));
}
