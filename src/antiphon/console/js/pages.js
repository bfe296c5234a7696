/**
 * The pages: the console at `/`, the dashboard below `/dashboard`. They are one document, so a
 * conversation goes on while the dashboard is looked at. The address says what is shown.
 */

import { byId } from "./dom.js";
import { complain } from "./notices.js";

/** @typedef {"console" | "dashboard"} Page */

/** What is to be skipped to. */
const SKIPS = {
  console: { href: "#words", text: "Skip to the message field" },
  dashboard: { href: "#dashboard", text: "Skip to the page" },
};

export class Pages {
  /**
   * @param {import("./settings.js").Settings} settings Has the key that the pages share.
   * @param {() => void} begin Gets what the console needs from the server, when it is shown.
   */
  constructor(settings, begin) {
    this.#settings = settings;
    this.#begin = begin;
    document.addEventListener("click", (event) => this.#follow(event));
    addEventListener("popstate", () => this.#show());
    this.#show();
  }

  #settings;

  #begin;

  /** @type {Promise<import("./dashboard/main.js").Dashboard> | null} */
  #dashboard = null;

  /** Its parts of the document. */
  #parts = {
    console: [byId("views", HTMLElement), byId("console", HTMLElement)],
    dashboard: [byId("sections", HTMLElement), byId("dashboard", HTMLElement)],
  };

  /**
   * Go to an address of one of the pages.
   *
   * @param {string} address
   * @param {boolean} [replacing] Whether it takes the place of the present one in the history.
   */
  go(address, replacing = false) {
    if (replacing) history.replaceState(null, "", address);
    else history.pushState(null, "", address);
    this.#show();
  }

  /** @param {MouseEvent} event */
  #follow(event) {
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (!link || elsewhere || event.button || event.defaultPrevented || link.download) return;
    if (link.origin !== location.origin || link.hash || !pageAt(link.pathname)) return;
    event.preventDefault();
    this.go(link.pathname + link.search);
  }

  #show() {
    const page = pageAt(location.pathname) ?? "console";
    document.body.dataset.page = page;
    for (const [name, parts] of Object.entries(this.#parts)) {
      for (const part of parts) part.hidden = name !== page;
    }
    markCurrent(".pages a", page === "console" ? "/" : "/dashboard");
    const skip = byId("skip", HTMLAnchorElement);
    skip.href = SKIPS[page].href;
    skip.textContent = SKIPS[page].text;
    if (page === "console") this.#showConsole();
    else this.#showDashboard();
  }

  #showConsole() {
    document.title = "Antiphon";
    this.#dashboard?.then((dashboard) => dashboard.leave());
    this.#begin();
  }

  #showDashboard() {
    this.#dashboard ??= import("./dashboard/main.js").then(
      ({ Dashboard }) => new Dashboard(this.#settings, this.go.bind(this)),
    );
    this.#dashboard.then(
      (dashboard) => dashboard.show(),
      (error) => complain(error.message),
    );
  }
}

/**
 * @param {string} path
 * @returns {Page | null} The page at a path of the server; `null` if it is something else.
 */
function pageAt(path) {
  if (path === "/") return "console";
  return path === "/dashboard" || path.startsWith("/dashboard/") ? "dashboard" : null;
}

/**
 * Mark the link that leads to what is shown.
 *
 * @param {string} links Selects those of one navigation.
 * @param {string} path
 */
export function markCurrent(links, path) {
  for (const link of document.querySelectorAll(links)) {
    if (link.getAttribute("href") === path) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}
