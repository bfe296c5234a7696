/** A conversation that is kept, replayed: who said what when, how it sounded, what took how long. */

import { draw, make, setText } from "../dom.js";
import { complain } from "../notices.js";
import { milliseconds, waitOf, waterfall } from "../waterfall.js";
import { responseAddress, responsesAddress } from "./addresses.js";
import { confirmed } from "./confirm.js";
import { clock, lasting, money, place } from "./formats.js";
import { badge, emptyState, facts, idOf, panel, timeOfDay } from "./parts.js";
import { Player } from "./player.js";
import { saidElement } from "./said.js";
import { conversationPath } from "./server.js";
import { table } from "./tables.js";

/** @typedef {import("./server.js").Item} Item */
/** @typedef {import("./server.js").KeptResponse} KeptResponse */

const PAGE_LENGTH = 100;

export class ConversationPage {
  title = "Conversation";

  /**
   * @param {import("./server.js").Server} server
   * @param {import("./main.js").Go} go
   */
  constructor(server, go) {
    this.#server = server;
    this.#go = go;
  }

  element = make("div", { class: "page page-conversation" });

  #server;
  #go;

  /** @param {import("./main.js").Visit} visit */
  async show({ id, signal }) {
    this.element.replaceChildren(make("h1", { class: "hidden" }, "Conversation"));
    const path = conversationPath(id);
    const asked = new URLSearchParams({ conversation_id: id, order: "asc" });
    const [items, responses] = await Promise.all([
      this.#all(`${path}/items?`, signal),
      this.#all(`/realtime/responses?${asked}&`, signal),
    ]);
    const replay = new Replay(
      items,
      responses,
      (item) => this.#server.file(`${path}/items/${encodeURIComponent(item.id)}/audio`, signal),
      signal,
    );
    this.element.replaceChildren(
      this.#head(id, items, responses, replay),
      make("div", { class: "columns" }, replay.element, waitsPanel(responses)),
    );
  }

  /**
   * @param {string} path With a query that more is added to.
   * @param {AbortSignal} signal
   * @returns {Promise<any[]>} All entries of a list.
   */
  async #all(path, signal) {
    const entries = [];
    for (let after = ""; ;) {
      /** @type {import("./server.js").List} */
      const page = await this.#server.get(`${path}limit=${PAGE_LENGTH}${after}`, signal);
      entries.push(...page.data);
      if (!page.has_more) return entries;
      after = `&after=${encodeURIComponent(page.last_id ?? "")}`;
    }
  }

  /**
   * @param {string} id
   * @param {Item[]} items
   * @param {KeptResponse[]} responses
   * @param {Replay} replay
   */
  #head(id, items, responses, replay) {
    const times = items.map(({ antiphon }) => antiphon.created_at);
    const remove = make(
      "button",
      { type: "button", class: "button quiet small danger" },
      "Delete…",
    );
    remove.addEventListener("click", () => this.#delete(id));
    const costs = responses.map(({ antiphon }) => antiphon.cost).filter((cost) => cost !== null);
    const cost = costs.length ? costs.reduce((sum, one) => sum + one, 0) : null;
    const of = responses[0]?.antiphon;
    const about = /** @type {[string, Node | string][]} */ ([
      [
        "Responses",
        make("a", { href: responsesAddress([["conversation_id", id]]) }, String(responses.length)),
      ],
      ["Lasted", times.length ? lasting((Math.max(...times) - Math.min(...times)) * 1000) : "–"],
      ["Model", of?.model ?? "–"],
      ["Key", of?.key ?? "–"],
      ["Cost", money(cost, of?.currency ?? null)],
    ]);
    return make(
      "header",
      { class: "page-head" },
      make("h1", {}, times.length ? timeOfDay(Math.min(...times)) : "Conversation"),
      idOf(id),
      make("div", { class: "actions" }, ...replay.controls, remove),
      facts(about),
    );
  }

  /** @param {string} id */
  async #delete(id) {
    const sure = await confirmed(
      "Delete this conversation?",
      "All its responses go with it, with their words and their audio. It cannot be brought back.",
      "Delete it all",
    );
    if (!sure) return;
    try {
      await this.#server.delete(conversationPath(id));
      this.#go(responsesAddress([]), true);
    } catch (error) {
      complain(/** @type {Error} */ (error).message);
    }
  }
}

/** The items of a conversation, and what they sound like, one after the other. */
class Replay {
  /**
   * @param {Item[]} items
   * @param {KeptResponse[]} responses
   * @param {(item: Item) => Promise<Blob>} fetchSound
   * @param {AbortSignal} signal
   */
  constructor(items, responses, fetchSound, signal) {
    const beganAt = items[0]?.antiphon.created_at ?? 0;
    const byId = new Map(responses.map((response) => [response.id, response]));
    for (const item of items) {
      const { created_at: at, audio_ms: durationMs, response_id: responseId } = item.antiphon;
      const player =
        durationMs && new Player(nameOf(item), durationMs, () => fetchSound(item), signal);
      const response = byId.get(responseId);
      byId.delete(responseId); // what took time is told once
      const more = [...(player ? [player.element] : []), ...(response ? [outcome(response)] : [])];
      const element = saidElement(item, ...more);
      const offset = make(
        "time",
        { class: "offset", datetime: new Date(at * 1000).toISOString() },
        place((at - beganAt) * 1000),
      );
      element.firstElementChild?.append(offset);
      if (player) this.#sounds.push({ player, element });
      this.#list.append(element);
    }
    if (!items.length)
      this.element.append(emptyState("Nothing is left of it", "Its items have been deleted."));
    else this.element.append(this.#list);
    this.#play.addEventListener("click", () => (this.#playing ? this.#stop() : this.#playAll()));
    signal.addEventListener("abort", () => this.#stop());
  }

  element = make("section", { class: "panel replayed", "aria-label": "What was said" });

  #list = make("ol", { class: "transcript" });
  #play = make("button", { type: "button", class: "button primary small" }, "Play all");

  /** @type {{player: Player, element: HTMLElement}[]} */
  #sounds = [];
  #playing = false;

  /** What plays it; or why it cannot be played. */
  get controls() {
    if (this.#sounds.length) return [this.#play];
    return [
      make(
        "span",
        { class: "hint" },
        "No audio is kept: [store] audio = true has it kept from then on.",
      ),
    ];
  }

  async #playAll() {
    this.#playing = true;
    setText(this.#play, "Stop");
    for (const { player, element } of this.#sounds) {
      element.setAttribute("data-heard", "");
      element.scrollIntoView({ block: "nearest", behavior: "smooth" });
      const heardOut = await player.play();
      element.removeAttribute("data-heard");
      if (!heardOut) break;
    }
    this.#playing = false;
    setText(this.#play, "Play all");
  }

  #stop() {
    for (const { player } of this.#sounds) player.pause();
  }
}

/**
 * @param {KeptResponse[]} responses
 * @returns {HTMLElement} How long each was waited for.
 */
function waitsPanel(responses) {
  const waits = responses.map(({ antiphon }) => waitOf(antiphon.moments_ms)?.waitedMs ?? 0);
  const most = Math.max(1, ...waits);
  const rows = responses.map((response, at) => {
    const bar = draw("svg", { class: "share-bar", "aria-hidden": "true" });
    bar.append(
      draw("rect", { class: "written", width: `${(waits[at] / most) * 100}%`, height: "100%" }),
    );
    return [
      make("a", { href: responseAddress(response.id) }, clock(response.antiphon.created_at)),
      badge(response.status),
      make("span", { class: "share" }, bar),
      waits[at] ? milliseconds(waits[at]) : "–",
    ];
  });
  const columns = [
    { name: "At" },
    { name: "Status" },
    { name: "Wait" },
    { name: "", isFigure: true },
  ];
  const listed = responses.length
    ? table("The conversation’s responses", columns, rows)
    : make("p", { class: "padded hint" }, "None were made in it.");
  return panel("How long each answer took to begin", listed);
}

/** @param {Item} item */
function nameOf({ role }) {
  return role === "assistant" ? "the answer" : "what was said";
}

/**
 * @param {KeptResponse} response
 * @returns {HTMLElement} What came of the response, and where its time went.
 */
function outcome(response) {
  const { moments_ms: moments } = response.antiphon;
  const wait = waitOf(moments);
  const summary = make(
    "summary",
    {},
    wait ? `${milliseconds(wait.waitedMs)} to the ${wait.until}` : "Where the time went",
  );
  if (response.status !== "completed") summary.append(badge(response.status));
  const link = make("a", { href: responseAddress(response.id) }, "The response");
  return make(
    "details",
    { class: "disclosure outcome" },
    summary,
    waterfall(moments),
    make("p", {}, link),
  );
}
