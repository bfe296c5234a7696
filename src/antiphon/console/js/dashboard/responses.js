/** All responses: filtered, newest first, a page at a time. */

import { make, setText } from "../dom.js";
import { milliseconds, waitOf } from "../waterfall.js";
import {
  filtersIn,
  queryOf,
  responseAddress,
  responsesAddress,
  withCursor,
  withFilter,
} from "./addresses.js";
import { Filters } from "./filters.js";
import { money, short } from "./formats.js";
import { badge, emptyState, reasonOf, timeOfDay } from "./parts.js";
import { gistOf } from "./said.js";
import { table } from "./tables.js";

/** @typedef {import("./server.js").KeptResponse} KeptResponse */

const PAGE_LENGTH = 25;

const COLUMNS = [
  { name: "Time" },
  { name: "Status" },
  { name: "Answer" },
  { name: "Metadata" },
  { name: "Model" },
  { name: "Key" },
  { name: "Wait", isFigure: true },
  { name: "Tokens", isFigure: true },
  { name: "Cost", isFigure: true },
];

export class ResponsesPage {
  title = "Responses";

  /**
   * @param {import("./server.js").Server} server
   * @param {import("./main.js").Go} go
   */
  constructor(server, go) {
    this.#server = server;
    this.#filters = new Filters((search) => go(responsesAddress(search)));
    this.element.append(
      make("h1", { class: "hidden" }, "Responses"),
      make(
        "section",
        { class: "panel list", "aria-label": "Responses" },
        this.#filters.element,
        this.#told,
        this.#list,
        this.#pager,
      ),
    );
    this.element.addEventListener("keydown", (event) => this.#step(event));
    document.addEventListener("keydown", (event) => {
      if (event.key !== "k" || !(event.ctrlKey || event.metaKey) || !this.element.isConnected)
        return;
      event.preventDefault();
      this.#filters.focus();
    });
  }

  element = make("div", { class: "page page-responses" });

  #server;
  #filters;
  #told = make("p", { class: "hidden", role: "status" });
  #list = make("div", { class: "list-body cards" });
  #pager = make("nav", { class: "pager", "aria-label": "Pages of the list" });

  /** @param {import("./main.js").Visit} visit */
  async show({ search, signal }) {
    this.#filters.show(search);
    this.#list.setAttribute("aria-busy", "true");
    const query = queryOf(search, PAGE_LENGTH);
    /** @type {import("./server.js").List} */
    const found = await this.#server.get(`/realtime/responses?${query}`, signal);
    this.#list.removeAttribute("aria-busy");
    setText(this.#told, `${found.data.length} responses${found.has_more ? ", and more" : ""}.`);
    this.#list.replaceChildren(
      found.data.length ? rowsOf(found.data, search) : nothing(filtersIn(search).length > 0),
    );
    this.#list.querySelector(".scroll")?.scrollTo(0, 0);
    this.#showPager(found, search);
  }

  /**
   * @param {import("./server.js").List} found
   * @param {URLSearchParams} search
   */
  #showPager(found, search) {
    const isBack = search.has("before");
    const newer = isBack ? found.has_more : search.has("after");
    const older = isBack || found.has_more;
    const [first, last] = [found.first_id, found.last_id];
    this.#pager.hidden = !newer && !older;
    this.#pager.replaceChildren(
      this.#pageLink("Newest", newer ? withoutCursors(search) : null),
      this.#pageLink("← Newer", newer && first ? withCursor(search, "before", first) : null),
      this.#pageLink("Older →", older && last ? withCursor(search, "after", last) : null),
    );
  }

  /**
   * @param {string} label
   * @param {URLSearchParams | null} search `null` where there is no such page.
   */
  #pageLink(label, search) {
    if (!search)
      return make("span", { class: "button quiet small", "aria-disabled": "true" }, label);
    return make("a", { class: "button quiet small", href: responsesAddress(search) }, label);
  }

  /**
   * Go up and down the list by the arrow keys.
   *
   * @param {KeyboardEvent} event
   */
  #step(event) {
    const links = [.../** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll("th a"))];
    const at = links.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: links.length - 1 }[event.key];
    if (at < 0 || to === undefined || !links[to]) return;
    event.preventDefault();
    links[to].focus();
  }
}

/** @param {URLSearchParams} search */
function withoutCursors(search) {
  return withFilter(search, "", "");
}

/**
 * @param {KeptResponse[]} responses
 * @param {URLSearchParams} search
 */
function rowsOf(responses, search) {
  const list = table(
    "Responses, newest first",
    COLUMNS,
    responses.map((response) => cellsOf(response, search)),
  );
  for (const row of list.querySelectorAll("tbody tr")) {
    row.addEventListener("click", ({ target }) => {
      const link = row.querySelector("th a");
      const isElsewhere = target instanceof Element && target.closest("a, button");
      // Who marks a text to copy it does not mean to leave.
      if (!isElsewhere && !getSelection()?.toString()) /** @type {HTMLElement} */ (link).click();
    });
  }
  return list;
}

/**
 * @param {KeptResponse} response
 * @param {URLSearchParams} search
 */
function cellsOf(response, search) {
  const { antiphon: notes, usage, metadata, status } = response;
  const wait = waitOf(notes.moments_ms);
  const reason = reasonOf(response);
  const pairs = Object.entries(metadata ?? {}).map(([key, value]) => pairLink(key, value, search));
  return [
    make("a", { href: responseAddress(response.id) }, timeOfDay(notes.created_at)),
    make("span", { class: "state" }, badge(status), make("span", { class: "reason" }, reason)),
    make("span", { class: "gist" }, gistOf(response)),
    make("span", { class: "pairs" }, ...pairs),
    notes.model,
    notes.key ?? "–",
    wait ? milliseconds(wait.waitedMs) : "–",
    usage ? short(usage.total_tokens) : "–",
    money(notes.cost, notes.currency),
  ];
}

/**
 * @param {string} key
 * @param {string} value
 * @param {URLSearchParams} search
 */
function pairLink(key, value, search) {
  const address = responsesAddress(withFilter(search, `metadata[${key}]`, value));
  return make(
    "a",
    { class: "pair", href: address, title: `Only those with ${key}=${value}` },
    make("span", { class: "pair-key" }, key),
    value,
  );
}

/** @param {boolean} isFiltered */
function nothing(isFiltered) {
  if (isFiltered) {
    const all = make("a", { href: "/dashboard/responses" }, "Show all responses");
    return emptyState(
      "Nothing is like that",
      "Take a filter away, or ask for other words.",
      make("p", {}, all),
    );
  }
  return emptyState(
    "No responses yet",
    "Each answer that this server gives shows up here. Give yours metadata, and you find them by it.",
    make("p", {}, make("a", { href: "/" }, "Talk in the console")),
  );
}
