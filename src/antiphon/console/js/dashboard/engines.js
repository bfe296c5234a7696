/** The engines, and what they have to do. */

import { make } from "../dom.js";
import { spaced } from "./formats.js";
import { table } from "./tables.js";

/** Badges that stand for states. */
const STATUSES = new Map([
  ["ready", "completed"],
  ["busy", "cancelled"],
  ["reloading", "failed"],
]);

const COLUMNS = [
  { name: "Engine" },
  { name: "Does" },
  { name: "State" },
  { name: "For" },
  { name: "Working on", isFigure: true },
  { name: "Waiting", isFigure: true },
  { name: "Loaded anew", isFigure: true },
];

/**
 * @param {Record<string, any>[]} engines
 * @returns {HTMLElement}
 */
export function enginesTable(engines) {
  return table(
    "Engines",
    COLUMNS,
    engines.map(({ name, role, state, remote, models, load }) => [
      remote ? `${name} (elsewhere)` : name,
      spaced(role),
      make("span", { class: "badge", "data-status": STATUSES.get(state) ?? "neutral" }, state),
      models.join(", "),
      load ? `${load.running}${load.parallel ? ` of ${load.parallel}` : ""}` : "–",
      load ? String(load.waiting) : "–",
      load ? String(load.replaced) : "–",
    ]),
  );
}
