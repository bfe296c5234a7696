/** The turns: for each a waterfall, and beside it the finished response. */

import { byId, make, setText, showList } from "./dom.js";
import { jsonView } from "./json.js";
import { milliseconds, waitOf, waterfall } from "./waterfall.js";

/** @typedef {import("./conversation.js").Conversation} Conversation */
/** @typedef {import("./conversation.js").Turn} Turn */

export class Turns {
  #list = byId("turn-list", HTMLOListElement);
  #empty = byId("no-turns", HTMLElement);
  #count = byId("turn-count", HTMLElement);

  /** @param {Conversation} conversation */
  show(conversation) {
    const { turns } = conversation;
    this.#empty.hidden = turns.length > 0;
    setText(this.#count, turns.length ? String(turns.length) : "");
    showList(
      this.#list,
      turns.toReversed(),
      (turn) => turn.responseId,
      create,
      (element, turn) => update(element, turn, conversation.questionOf(turn)),
    );
  }
}

function create() {
  return make(
    "li",
    { class: "turn" },
    make("div", { class: "turn-head" }, make("h3"), make("span", { class: "badge" })),
    make("p", { class: "turn-lead figure" }),
    make("div", { class: "turn-times" }),
    make("div", { class: "turn-response" }),
  );
}

/**
 * @param {HTMLElement} element
 * @param {Turn} turn
 * @param {string} question
 */
function update(element, turn, question) {
  const [head, lead, times, response] = element.children;
  const [title, badge] = head.children;
  const status = turn.response?.status ?? "in_progress";
  setText(title, question || "An answer");
  setText(badge, status.replace("_", " "));
  badge.setAttribute("data-status", status);
  // What is finished never changes: it is drawn once, and stays as it was opened.
  if (turn.moments && !times.hasChildNodes()) {
    times.append(waterfall(turn.moments));
  }
  if (turn.response && !response.hasChildNodes()) {
    response.append(usageOf(turn.response), responseOf(turn.response));
  }
  const known = [turn.moments, turn.response, turn.heardAtMs].map(Boolean).join();
  if (lead.getAttribute("data-known") === known) return;
  lead.setAttribute("data-known", known);
  lead.replaceChildren(...leadOf(turn));
}

/** @param {Turn} turn */
function leadOf({ moments, heardAtMs, createdAtMs, response }) {
  const reason = response?.status_details?.error?.message ?? response?.status_details?.reason;
  if (reason) return [`${reason}.`.replace(/_/g, " ").replace(/\.\.$/, ".")];
  const wait = moments && waitOf(moments);
  if (!wait) return [];
  const told = make("span", {}, `from your ${wait.since} to the ${wait.until}`);
  if (heardAtMs !== null && moments) {
    // The two clocks meet where the page learned of the response.
    const here = heardAtMs - createdAtMs + moments.created;
    told.append(`, heard here after ${milliseconds(here)}`);
  }
  return [make("b", {}, milliseconds(wait.waitedMs)), " ", told];
}

/** @param {Record<string, any>} response */
function usageOf({ usage }) {
  const details = usage?.input_token_details;
  const figures = [
    ["In", usage?.input_tokens],
    ["cached", details?.cached_tokens],
    ["Out", usage?.output_tokens],
    ["of it audio", usage?.output_token_details?.audio_tokens],
  ];
  const list = make("dl", { class: "figures usage", "aria-label": "Tokens" });
  for (const [name, tokens] of figures) {
    if (tokens === undefined) continue;
    list.append(make("div", {}, make("dt", {}, name), make("dd", {}, String(tokens))));
  }
  return list;
}

/** @param {Record<string, any>} response */
function responseOf(response) {
  const details = make(
    "details",
    { class: "disclosure" },
    make("summary", {}, "RealtimeResponse"),
  );
  details.addEventListener("toggle", () => details.append(jsonView(response)), { once: true });
  return details;
}
