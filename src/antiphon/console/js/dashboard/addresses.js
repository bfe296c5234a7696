/**
 * What addresses of the dashboard mean. The query of the responses' page is the query that the
 * server is asked with, so what is shown can be shared, and gone back to.
 *
 * @typedef {object} Place
 * @property {"overview" | "responses" | "response" | "conversation" | "live"} page
 * @property {string} id Of what is shown; empty for none.
 *
 * @typedef {object} Filter
 *     One thing that is asked for.
 * @property {string} name Of the query's parameter.
 * @property {string} value
 */

export const ROOT = "/dashboard";

/** Parameters of the query that choose responses; metadata[KEY] does too. */
export const FILTERS = [
  "text",
  "status",
  "reason",
  "model",
  "key",
  "session_id",
  "conversation_id",
  "created_after",
  "created_before",
];

const CURSORS = ["after", "before"];
const METADATA = /^metadata\[(.*)\]$/s;

/**
 * @param {string} path
 * @returns {Place | null} `null` for none of the dashboard.
 */
export function placeAt(path) {
  const [, root, kind = "", id = "", ...more] = path.split("/").map(decodeURIComponent);
  if (`/${root}` !== ROOT || more.length) return null;
  if (!kind) return { page: "overview", id: "" };
  if (kind === "responses") return { page: id ? "response" : "responses", id };
  if (kind === "conversations" && id) return { page: "conversation", id };
  return kind === "live" ? { page: "live", id } : null;
}

/** @param {string} id */
export function responseAddress(id) {
  return `${ROOT}/responses/${encodeURIComponent(id)}`;
}

/** @param {string} id */
export function conversationAddress(id) {
  return `${ROOT}/conversations/${encodeURIComponent(id)}`;
}

/** @param {string} id */
export function liveAddress(id) {
  return `${ROOT}/live/${encodeURIComponent(id)}`;
}

/**
 * @param {Iterable<[string, string]>} filters Names and values.
 * @returns {string} The address of the responses that they choose.
 */
export function responsesAddress(filters) {
  const search = new URLSearchParams([...filters]).toString();
  return `${ROOT}/responses${search && `?${search}`}`;
}

/**
 * @param {URLSearchParams} search
 * @returns {Filter[]} What is asked for, in order; cursors and whatever else is there left out.
 */
export function filtersIn(search) {
  const known = [...search].filter(([name, value]) => value && isFilter(name));
  return known.map(([name, value]) => ({ name, value }));
}

/** @param {string} name */
function isFilter(name) {
  return FILTERS.includes(name) || METADATA.test(name);
}

/**
 * Change one filter. The list is looked at from its beginning again.
 *
 * @param {URLSearchParams} search
 * @param {string} name
 * @param {string} value Empty to ask for it no longer.
 * @returns {URLSearchParams}
 */
export function withFilter(search, name, value) {
  const changed = new URLSearchParams(search);
  for (const cursor of CURSORS) changed.delete(cursor);
  if (value) changed.set(name, value);
  else changed.delete(name);
  return changed;
}

/**
 * Go to another page of the list.
 *
 * @param {URLSearchParams} search
 * @param {"after" | "before"} cursor
 * @param {string} id
 * @returns {URLSearchParams}
 */
export function withCursor(search, cursor, id) {
  const changed = new URLSearchParams(search);
  for (const one of CURSORS) changed.delete(one);
  changed.set(cursor, id);
  return changed;
}

/**
 * @param {string} name Of a filter.
 * @returns {string | null} The key of the metadata that it asks for; `null` if it asks for others.
 */
export function metadataKey(name) {
  return METADATA.exec(name)?.[1] ?? null;
}

/**
 * Read a pair of metadata as it is typed.
 *
 * @param {string} written `key=value` or `key: value`.
 * @returns {{name: string, value: string} | null} The filter; `null` if it is no pair.
 */
export function pairIn(written) {
  const pair = /^\s*([^=:]+?)\s*[=:]\s*(\S.*?)\s*$/s.exec(written);
  return pair && { name: `metadata[${pair[1]}]`, value: pair[2] };
}

/**
 * @param {URLSearchParams} search
 * @param {number} limit Entries of a page.
 * @returns {string} The query that the server is asked with.
 */
export function queryOf(search, limit) {
  const asked = filtersIn(search).map(({ name, value }) => [name, value]);
  const cursors = CURSORS.flatMap((name) => {
    const id = search.get(name);
    return id ? [[name, id]] : [];
  });
  return new URLSearchParams([...asked, ...cursors, ["limit", String(limit)]]).toString();
}
