/** One response: what it answered, where its time went, what it cost, the object itself. */

import { make } from "../dom.js";
import { jsonView } from "../json.js";
import { milliseconds, waitOf, waterfall } from "../waterfall.js";
import { conversationAddress, responsesAddress } from "./addresses.js";
import { confirmed } from "./confirm.js";
import { lasting, money, spaced, whole } from "./formats.js";
import { complain } from "../notices.js";
import { badge, copyButton, facts, idOf, panel, timeOfDay } from "./parts.js";
import { Player } from "./player.js";
import { saidElement } from "./said.js";
import { responsePath } from "./server.js";

/** @typedef {import("./server.js").KeptResponse} KeptResponse */

export class ResponsePage {
  title = "Response";

  /**
   * @param {import("./server.js").Server} server
   * @param {import("./main.js").Go} go
   */
  constructor(server, go) {
    this.#server = server;
    this.#go = go;
  }

  element = make("div", { class: "page page-response" });

  #server;
  #go;

  /** @param {import("./main.js").Visit} visit */
  async show({ id, signal }) {
    this.element.replaceChildren(make("h1", { class: "hidden" }, "Response"));
    /** @type {KeptResponse} */
    const kept = await this.#server.get(responsePath(id), signal);
    this.element.replaceChildren(
      this.#head(kept),
      make(
        "div",
        { class: "columns" },
        make("div", { class: "column" }, this.#said(kept, signal), objectPanel(kept)),
        make(
          "div",
          { class: "column" },
          ...failure(kept),
          timePanel(kept),
          usagePanel(kept),
          factsPanel(kept),
        ),
      ),
    );
  }

  /** @param {KeptResponse} kept */
  #head(kept) {
    const { conversation_id: conversation } = kept.antiphon;
    const remove = make(
      "button",
      { type: "button", class: "button quiet small danger" },
      "Delete…",
    );
    remove.addEventListener("click", () => this.#delete(kept.id));
    const replay = conversation
      ? [
          make(
            "a",
            { class: "button primary small", href: conversationAddress(conversation) },
            "Replay the conversation",
          ),
        ]
      : [];
    return make(
      "header",
      { class: "page-head" },
      make("h1", {}, timeOfDay(kept.antiphon.created_at)),
      badge(kept.status),
      idOf(kept.id),
      make("div", { class: "actions" }, ...replay, remove),
    );
  }

  /**
   * @param {KeptResponse} kept
   * @param {AbortSignal} signal
   */
  #said(kept, signal) {
    const { input, has_audio: hasAudio } = kept.antiphon;
    const player = hasAudio
      ? [
          new Player(
            "the answer",
            null,
            () => this.#server.file(`${responsePath(kept.id)}/audio`, signal),
            signal,
          ).element,
        ]
      : [];
    const answer = kept.output.map((/** @type {any} */ item) => saidElement(item));
    if (!answer.length) {
      answer.push(
        make(
          "li",
          { class: "said", "data-side": "answer" },
          make("p", { class: "said-words unfinished" }, "Nothing was answered."),
        ),
      );
    }
    const question = (input ?? []).map((/** @type {any} */ item) => saidElement(item));
    return panel(
      "Asked and answered",
      make("ol", { class: "transcript" }, ...question, ...answer),
      ...player,
    );
  }

  /** @param {string} id */
  async #delete(id) {
    const sure = await confirmed(
      "Delete this response?",
      "It goes with its words and its audio, and cannot be brought back. Sums of usage stay.",
      "Delete it",
    );
    if (!sure) return;
    try {
      await this.#server.delete(responsePath(id));
      this.#go(responsesAddress([]), true);
    } catch (error) {
      complain(/** @type {Error} */ (error).message);
    }
  }
}

/** @param {KeptResponse} kept */
function failure({ status, status_details: details }) {
  if (status === "completed" || !details) return [];
  const { error, reason } = details;
  const pairs = /** @type {[string, string][]} */ ([
    ["Kind", error?.type ?? ""],
    ["Code", error?.code ?? ""],
    ["Reason", spaced(reason ?? "")],
  ]).filter(([, value]) => value);
  const message = error?.message ? [make("p", { class: "failure-message" }, error.message)] : [];
  const block = panel("Why it ended so", ...message, facts(pairs));
  block.classList.add("failure");
  block.dataset.status = status;
  return [block];
}

/** @param {KeptResponse} kept */
function timePanel({ antiphon: { moments_ms: moments } }) {
  const wait = waitOf(moments);
  const lead = wait
    ? [
        make(
          "p",
          { class: "figure" },
          make("b", {}, milliseconds(wait.waitedMs)),
          make("span", {}, `from the ${wait.since} to the ${wait.until}`),
        ),
      ]
    : [];
  return panel(
    "Where the time went",
    make("div", { class: "padded" }, ...lead, waterfall(moments)),
  );
}

/** @param {KeptResponse} kept */
function usagePanel({ usage, antiphon: { cost, currency } }) {
  if (!usage)
    return panel("Usage and cost", make("p", { class: "padded hint" }, "None was counted."));
  const read = usage.input_token_details ?? {};
  const written = usage.output_token_details ?? {};
  const rows = [
    ["Text", read.text_tokens, read.cached_tokens_details?.text_tokens, written.text_tokens],
    ["Audio", read.audio_tokens, read.cached_tokens_details?.audio_tokens, written.audio_tokens],
    ["Images", read.image_tokens, read.cached_tokens_details?.image_tokens, 0],
    ["All", usage.input_tokens, read.cached_tokens, usage.output_tokens],
  ].filter(([name, ...tokens]) => name === "All" || tokens.some(Boolean));
  const head = ["Tokens", "Read", "of it cached", "Written"];
  const usageTable = make(
    "table",
    { class: "table" },
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        ...head.map((name, at) =>
          make("th", { scope: "col", ...(at && { class: "figure-column" }) }, name),
        ),
      ),
    ),
    make(
      "tbody",
      {},
      ...rows.map(([name, ...tokens]) =>
        make(
          "tr",
          {},
          make("th", { scope: "row" }, name),
          ...tokens.map((count) => make("td", { class: "figure-column" }, whole(count ?? 0))),
        ),
      ),
    ),
  );
  const priced = make(
    "p",
    { class: "figure padded" },
    make("b", {}, money(cost, currency)),
    make(
      "span",
      {},
      cost === null
        ? "The model has no price: [prices] in the configuration gives it one."
        : "cost",
    ),
  );
  return panel("Usage and cost", priced, usageTable);
}

/** @param {KeptResponse} kept */
function factsPanel({ metadata, voice, antiphon: notes, audio, output_modalities: modalities }) {
  const ended = notes.moments_ms.ended;
  const created = notes.moments_ms.created ?? 0;
  const pairs = Object.entries(metadata ?? {}).map(
    ([key, value]) =>
      /** @type {[string, Node]} */ ([
        key,
        make("a", { href: responsesAddress([[`metadata[${key}]`, value]]) }, value),
      ]),
  );
  const about = /** @type {[string, Node | string][]} */ ([
    ["Model", notes.model],
    ["Key", notes.key ?? "none was needed"],
    ["Voice", audio?.output?.voice ?? voice ?? ""],
    ["Answered in", (modalities ?? []).join(", ")],
    ["Took", ended === undefined ? "" : lasting(ended - created)],
    ["Session", idOf(notes.session_id, responsesAddress([["session_id", notes.session_id]]))],
    [
      "Conversation",
      notes.conversation_id
        ? idOf(notes.conversation_id, conversationAddress(notes.conversation_id))
        : "out of band: in none",
    ],
  ]).filter(([, value]) => value !== "");
  const given = pairs.length ? [make("h3", {}, "Metadata"), facts(pairs)] : [];
  return panel("About it", facts(about), ...given);
}

/** @param {KeptResponse} kept */
function objectPanel(kept) {
  const { antiphon: _, ...object } = kept;
  const copy = copyButton("Copy", () => JSON.stringify(object, null, 2));
  return make(
    "section",
    { class: "panel object", "aria-label": "RealtimeResponse" },
    make("div", { class: "panel-head" }, make("h2", {}, "RealtimeResponse"), copy),
    make("div", { class: "padded" }, jsonView(object)),
  );
}
