/** The sessions that are open: to listen in to, and to hang up. */

import { make, setText, showList } from "../dom.js";
import { complain } from "../notices.js";
import { liveAddress, ROOT } from "./addresses.js";
import { confirmed } from "./confirm.js";
import { every } from "./every.js";
import { lasting } from "./formats.js";
import { ListeningIn } from "./listening.js";
import { emptyState } from "./parts.js";
import { sessionPath } from "./server.js";

/**
 * @typedef {object} OpenSession
 * @property {string} id
 * @property {string | null} conversation_id
 * @property {string} kind
 * @property {string} model
 * @property {string | null} key
 * @property {string} transport
 * @property {number} opened_at
 * @property {number} responses
 * @property {boolean} speaking
 */

const REFRESH_MS = 2_000;
const COLUMNS = [
  "Session",
  "Now",
  "Kind",
  "Model",
  "Key",
  "Over",
  "Open for",
  "Responses",
  "Actions",
];

export class LivePage {
  title = "Live";

  /** @param {import("./server.js").Server} server */
  constructor(server) {
    this.#server = server;
    this.#listening = new ListeningIn(server);
    this.element.append(
      make("header", { class: "page-head" }, make("h1", {}, "Live"), this.#count),
      make(
        "div",
        { class: "columns live" },
        make("section", { class: "panel cards" }, this.#empty, this.#table),
        this.#listening.element,
      ),
    );
  }

  element = make("div", { class: "page page-live" });

  #server;
  #listening;
  #count = make("span", { class: "hint", role: "status" });
  #rows = make("tbody");
  #table = make(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": "Open sessions" },
    make(
      "table",
      { class: "table" },
      make("caption", { class: "hidden" }, "Open sessions, oldest first"),
      make(
        "thead",
        {},
        make("tr", {}, ...COLUMNS.map((name) => make("th", { scope: "col" }, name))),
      ),
      this.#rows,
    ),
  );
  #empty = emptyState(
    "Nobody is here",
    "Sessions show up here as they begin. Open one yourself:",
    make("p", {}, make("a", { href: "/" }, "Talk in the console")),
  );

  /** @param {import("./main.js").Visit} visit */
  async show({ id, signal }) {
    this.#listening.element.hidden = !id;
    if (id)
      this.#listening
        .listen(id, signal)
        .catch((error) => signal.aborted || complain(error.message));
    await every(REFRESH_MS, signal, () => this.#refresh(id, signal));
  }

  /**
   * @param {string} id Of the session that is listened in to.
   * @param {AbortSignal} signal
   */
  async #refresh(id, signal) {
    /** @type {OpenSession[]} */
    const sessions = (await this.#server.get("/antiphon/sessions", signal)).data;
    setText(
      this.#count,
      sessions.length === 1 ? "1 session is open" : `${sessions.length} sessions are open`,
    );
    this.#empty.hidden = sessions.length > 0;
    this.#table.hidden = !sessions.length;
    showList(
      this.#rows,
      sessions,
      (session) => session.id,
      (session) => this.#create(session),
      (row, session) => update(row, session, session.id === id),
    );
  }

  /** @param {OpenSession} session */
  #create({ id, kind, model, key, transport }) {
    const hangUp = make(
      "button",
      { type: "button", class: "button quiet small danger" },
      "Hang up…",
    );
    hangUp.addEventListener("click", () => this.#hangUp(id));
    const listenIn = make("a", { class: "button quiet small", href: liveAddress(id) }, "Listen in");
    return make(
      "tr",
      {},
      make(
        "th",
        { scope: "row" },
        make("a", { class: "id", href: liveAddress(id), "aria-label": `Listen in to ${id}` }, id),
      ),
      make("td", {}, make("span", { class: "badge" })),
      ...[kind, model, key ?? "no key", transport].map((text) => make("td", {}, text)),
      make("td", { class: "figure-column" }),
      make("td", { class: "figure-column" }),
      make("td", {}, make("div", { class: "row-actions" }, listenIn, hangUp)),
    );
  }

  /** @param {string} id */
  async #hangUp(id) {
    const sure = await confirmed(
      "Hang up?",
      "The session ends at once, in the middle of a sentence if there is one. Its client is told that the operator ended it.",
      "Hang up",
    );
    if (!sure) return;
    try {
      await this.#server.post(`${sessionPath(id)}/hangup`);
    } catch (error) {
      complain(/** @type {Error} */ (error).message);
    }
  }
}

/**
 * @param {HTMLElement} row
 * @param {OpenSession} session
 * @param {boolean} isHeard
 */
function update(row, { speaking, opened_at, responses }, isHeard) {
  const [, now, , , , , age, answered, actions] = row.children;
  row.toggleAttribute("data-current", isHeard);
  const badge = /** @type {HTMLElement} */ (now.firstElementChild);
  badge.dataset.status = speaking ? "cancelled" : "neutral";
  setText(badge, speaking ? "user speaks" : "open");
  setText(age, lasting(Math.max(0, Date.now() - opened_at * 1000)).replace(/\.\d/, ""));
  setText(answered, String(responses));
  const link = /** @type {HTMLAnchorElement} */ (actions.querySelector("a"));
  setText(link, isHeard ? "Stop" : "Listen in");
  if (isHeard) link.setAttribute("aria-label", "Stop listening in");
  else link.removeAttribute("aria-label");
  if (isHeard) link.href = `${ROOT}/live`;
  else link.href = liveAddress(row.dataset.key ?? "");
}
