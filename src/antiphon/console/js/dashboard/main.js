/** The dashboard: which of its pages is shown, and what is in the way of showing it. */

import { byId, make } from "../dom.js";
import { markCurrent } from "../pages.js";
import { placeAt, ROOT } from "./addresses.js";
import { ConversationPage } from "./conversation.js";
import { LivePage } from "./live.js";
import { Overview } from "./overview.js";
import { emptyState } from "./parts.js";
import { problemView } from "./problems.js";
import { ResponsePage } from "./response.js";
import { ResponsesPage } from "./responses.js";
import { Server } from "./server.js";

/**
 * @typedef {object} Visit
 *     What a page is shown for.
 * @property {string} id Of what is shown; empty for none.
 * @property {URLSearchParams} search The query of the address.
 * @property {AbortSignal} signal Is given when something else is to be shown.
 *
 * @typedef {object} Page
 * @property {HTMLElement} element
 * @property {string} title
 * @property {(visit: Visit) => Promise<void>} show
 *
 * @typedef {(address: string, replacing?: boolean) => void} Go
 */

/** Which of the sections a page is in. */
const SECTIONS = {
  overview: ROOT,
  responses: `${ROOT}/responses`,
  response: `${ROOT}/responses`,
  conversation: `${ROOT}/responses`,
  live: `${ROOT}/live`,
};

export class Dashboard {
  /**
   * @param {import("../settings.js").Settings} settings Has the key.
   * @param {Go} go Goes to another address.
   */
  constructor(settings, go) {
    this.#settings = settings;
    const server = new Server(() => settings.key);
    this.#pages = {
      overview: new Overview(server, go),
      responses: new ResponsesPage(server, go),
      response: new ResponsePage(server, go),
      conversation: new ConversationPage(server, go),
      live: new LivePage(server),
    };
  }

  #settings;

  /** @type {Record<import("./addresses.js").Place["page"], Page>} */
  #pages;

  #root = byId("dashboard", HTMLElement);
  #visit = new AbortController();

  /** Show what the address says. */
  async show() {
    this.leave();
    const { signal } = (this.#visit = new AbortController());
    const place = placeAt(location.pathname);
    if (!place) {
      this.#put(emptyState("There is no such page", make("a", { href: ROOT }, "Overview")));
      return;
    }
    const page = this.#pages[place.page];
    document.title = `${page.title} – Antiphon`;
    markCurrent("#sections a", SECTIONS[place.page]);
    try {
      const search = new URLSearchParams(location.search);
      const shown = page.show({ id: place.id, search, signal });
      this.#put(page.element);
      await shown;
    } catch (error) {
      if (!signal.aborted)
        this.#put(problemView(/** @type {Error} */ (error), (key) => this.#use(key)));
    }
  }

  /** Stop whatever goes on. */
  leave() {
    this.#visit.abort();
  }

  /** @param {HTMLElement} element */
  #put(element) {
    if (this.#root.firstElementChild !== element) {
      this.#root.replaceChildren(element);
      this.#root.scrollTop = 0;
    }
  }

  /** @param {string} key */
  #use(key) {
    this.#settings.key = key;
    this.show();
  }
}
