/** What the console asks the server for over plain HTTP. */

/** The server said no. */
export class RefusedError extends Error {
  /**
   * @param {number} status
   * @param {string} message
   * @param {string} code What kind of refusal it is; empty if nobody said so.
   */
  constructor(status, message, code = "") {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/**
 * Send a request, and wait for an answer that is no refusal.
 *
 * @param {string} path
 * @param {string | null} key API key or client secret; `null` for none.
 * @param {RequestInit} [init]
 * @returns {Promise<Response>}
 * @throws {RefusedError} The server said no, or there is none.
 */
export async function request(path, key, init = {}) {
  const headers = new Headers(init.headers);
  if (key) headers.set("Authorization", `Bearer ${key}`);
  const response = await fetch(path, { ...init, headers }).catch((error) => {
    if (init.signal?.aborted) throw error;
    throw new RefusedError(0, `The server at ${location.host} does not answer: ${error.message}`);
  });
  if (!response.ok) throw await refusalIn(response);
  return response;
}

/** @param {Response} response */
async function refusalIn(response) {
  try {
    const { message, code } = (await response.json()).error;
    return new RefusedError(response.status, message, code ?? "");
  } catch {
    const message = `The server answered ${response.status} ${response.statusText}.`;
    return new RefusedError(response.status, message);
  }
}

/**
 * @param {string | null} key
 * @returns {Promise<string[]>} Names of the models, the default first.
 */
export async function models(key) {
  const response = await request("/v1/models", key);
  return (await response.json()).data.map((/** @type {{id: string}} */ model) => model.id);
}

/**
 * @param {string | null} key
 * @param {string} model
 * @returns {Promise<string[]>} Names of the model's voices, the default first.
 */
export async function voices(key, model) {
  const query = new URLSearchParams({ model });
  const response = await request(`/v1/antiphon/voices?${query}`, key);
  return (await response.json()).voices;
}

/**
 * @param {string | null} key API key or client secret.
 * @returns {Promise<RTCConfiguration>} The servers that help calls through firewalls.
 */
export async function iceServers(key) {
  return (await request("/v1/antiphon/ice_servers", key)).json();
}

/**
 * Make a secret that opens sessions, and nothing else, for some minutes.
 *
 * @param {string} key
 * @param {string} model
 * @returns {Promise<string>}
 */
export async function mintSecret(key, model) {
  const response = await request("/v1/realtime/client_secrets", key, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ session: { type: "realtime", model } }),
  });
  return (await response.json()).value;
}

/**
 * @param {string | null} key
 * @param {string} responseId
 * @returns {Promise<import("./protocol.js").Timeline>}
 */
export async function timeline(key, responseId) {
  const response = await request(`/v1/antiphon/timelines/${encodeURIComponent(responseId)}`, key);
  return response.json();
}
