/** Does something again and again, as long as somebody looks. */

import { RefusedError } from "../api.js";
import { complain } from "../notices.js";

/** Of refusals that pass: no answer, and an answer that the server cannot do it now. */
const PASSING = [0, 503];

/**
 * @param {number} ms Between the end of one time and the next.
 * @param {AbortSignal} signal Ends it.
 * @param {() => Promise<void>} work
 * @returns {Promise<void>} When it has ended.
 * @throws Whatever the work throws; it is not done again then, unless it has been done before and
 *     what is in the way will pass.
 */
export async function every(ms, signal, work) {
  for (let hasWorked = false; !signal.aborted;) {
    try {
      await work();
      hasWorked = true;
    } catch (error) {
      const passes = error instanceof RefusedError && PASSING.includes(error.status);
      if (!hasWorked || !passes) throw error;
      complain(error.message);
    }
    await pause(ms, signal);
    if (document.hidden) await seen(signal);
  }
}

/**
 * @param {number} ms
 * @param {AbortSignal} signal
 */
function pause(ms, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve(undefined);
    });
  });
}

/** @param {AbortSignal} signal */
function seen(signal) {
  return new Promise((resolve) => {
    document.addEventListener("visibilitychange", resolve, { once: true, signal });
    signal.addEventListener("abort", resolve);
  });
}
