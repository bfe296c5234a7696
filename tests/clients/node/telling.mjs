// What the JavaScript clients' programs share; its counterpart in Python is ../telling.py.

export const RATE_HZ = 24_000;
export const QUESTION = 'How is the weather in Oslo?';
export const WEATHER = 'Rain, 7 degrees.';

/** How much of an answer is played before the user interrupts it. */
export const PLAYED_MS = 1_000;

/** Bound on a whole conversation, which takes about five seconds. */
const PATIENCE_MS = 45_000;

/** What the scripted voice detector takes for speech. */
export const SPEECH = tone(700, 0.3);

/** Long enough to end a turn with the default settings. */
export const SILENCE = tone(800, 0);

function tone(durationMs, amplitude) {
  const samples = new Int16Array((durationMs * RATE_HZ) / 1000);
  return samples.map((_, n) => 32_767 * amplitude * Math.sin((2 * Math.PI * 200 * n) / RATE_HZ));
}

export function durationMs(pcmBytes) {
  return (pcmBytes * 1000) / (2 * RATE_HZ);
}

export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Events on their way to somebody who waits for some of them, in order. */
export class Inbox {
  #waiting = [];
  #wake = () => {};

  put(event) {
    this.#waiting.push(event);
    this.#wake();
  }

  /** Take events until one is of a type, and return it. */
  async until(type) {
    for (;;) {
      const event = this.#waiting.shift();
      if (event?.type === type) return event;
      if (!event) await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}

/** Tell the test what happened, as a line of JSON. */
export function tell(what, details = {}) {
  console.log(JSON.stringify({ told: what, ...details }));
}

/** Hold a conversation with the server whose `http://host:port` is the first argument. */
export async function run(converse) {
  const giveUp = setTimeout(() => {
    console.error(`The conversation was not over after ${PATIENCE_MS} ms.`);
    process.exit(1);
  }, PATIENCE_MS);
  await converse(...process.argv.slice(2));
  clearTimeout(giveUp);
}
