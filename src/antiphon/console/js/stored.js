/** What the browser keeps from visit to visit. */

/**
 * @param {string} name
 * @returns {any} What was stored under a name, as JSON; `null` if nothing was, or nothing legible.
 */
export function stored(name) {
  try {
    return JSON.parse(localStorage.getItem(name) ?? "null");
  } catch {
    return null;
  }
}
