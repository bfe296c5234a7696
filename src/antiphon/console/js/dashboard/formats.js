/** How figures and times are written. */

const WHOLE = new Intl.NumberFormat("en");
const SHORT = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat("en-GB", {
  day: "numeric",
  month: "short",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
});
const DATE = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });

/**
 * @param {number} number
 * @returns {string} All its digits, in groups of three.
 */
export function whole(number) {
  return WHOLE.format(number);
}

/**
 * @param {number} number
 * @returns {string} A number that is easily compared: of large ones, how many thousands or more.
 */
export function short(number) {
  return number < 10_000 ? WHOLE.format(Number(number.toFixed(1))) : SHORT.format(number);
}

/**
 * Write an amount of money. What responses cost is little, so small amounts have more digits.
 *
 * @param {number | null} amount `null` if there is no price.
 * @param {string | null} currency An ISO 4217 code, or whatever the operator calls it.
 * @returns {string}
 */
export function money(amount, currency) {
  if (amount === null) return "–";
  const digits = amount === 0 || amount >= 1 ? 2 : amount >= 0.01 ? 3 : 5;
  const fractions = { minimumFractionDigits: Math.min(digits, 2), maximumFractionDigits: digits };
  try {
    const code = currency ?? undefined;
    return amount.toLocaleString("en", { style: "currency", currency: code, ...fractions });
  } catch {
    return `${amount.toLocaleString("en", fractions)} ${currency ?? ""}`.trim();
  }
}

/**
 * @param {number} part
 * @param {number} all
 * @returns {string} The share in percent.
 */
export function share(part, all) {
  if (!part || !all) return "0 %";
  const percent = (part / all) * 100;
  return percent < 0.1 ? "< 0.1 %" : `${percent.toFixed(percent < 10 ? 1 : 0)} %`;
}

/**
 * @param {number} ms
 * @returns {string} The one or two largest units of a duration.
 */
export function lasting(ms) {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 24 * 60) return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
  return `${Math.floor(minutes / 1440)} d ${Math.floor((minutes % 1440) / 60)} h`;
}

/**
 * @param {number} ms
 * @returns {string} A place in a recording: minutes and seconds.
 */
export function place(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

/**
 * @param {number} at Seconds of the Unix clock, here and below.
 * @returns {string} Day and time, to the second, where the reader is.
 */
export function dayAndTime(at) {
  return TIME.format(at * 1000);
}

/** @param {number} at */
export function day(at) {
  return DATE.format(at * 1000);
}

/** @param {number} at */
export function clock(at) {
  return CLOCK.format(at * 1000);
}

/**
 * @param {string} word Of the protocol, such as `turn_detected`.
 * @returns {string}
 */
export function spaced(word) {
  return word.replaceAll("_", " ");
}
