/** How the server does: what it answered, how fast, for how much, with which engines. */

import { make, setText } from "../dom.js";
import { milliseconds } from "../waterfall.js";
import { responseAddress, responsesAddress, ROOT } from "./addresses.js";
import { TimeChart } from "./charts.js";
import { enginesTable } from "./engines.js";
import { every } from "./every.js";
import { clock, money, share, short, whole } from "./formats.js";
import { emptyState, panel, reasonOf, timeOfDay } from "./parts.js";
import { problemView } from "./problems.js";
import { gistOf } from "./said.js";
import { grouped, timeOf, total } from "./sums.js";
import { UsageTable } from "./usage.js";

/** @typedef {import("./sums.js").Usage} Usage */
/** @typedef {{at: number, count: number, p50_ms: number, p95_ms: number, p99_ms: number}} Latency */

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const REFRESH_MS = 30_000;
const SHOWN_ERRORS = 8;

/** @typedef {{label: string, lastsS: number, stepS: number}} Range */

/** @type {Record<string, Range>} */
const RANGES = {
  "24h": { label: "24 hours", lastsS: DAY_S, stepS: HOUR_S },
  "7d": { label: "7 days", lastsS: 7 * DAY_S, stepS: HOUR_S },
  "30d": { label: "30 days", lastsS: 30 * DAY_S, stepS: DAY_S },
  "1y": { label: "1 year", lastsS: 365 * DAY_S, stepS: DAY_S },
};
const USUAL = "24h";

/** What is timed, and what it is. */
const STAGES = [
  { stage: "voice_to_voice", title: "Voice to voice" },
  { stage: "transcribed", title: "Words known" },
  { stage: "first_token", title: "First token" },
  { stage: "first_audio", title: "First sound" },
];

/** @type {import("./charts.js").Series<Latency>[]} */
const PERCENTILES = [
  { name: "p50", kind: "p50", shape: "line", valueOf: ({ p50_ms }) => p50_ms },
  { name: "p95", kind: "p95", shape: "line", valueOf: ({ p95_ms }) => p95_ms },
  { name: "p99", kind: "p99", shape: "line", valueOf: ({ p99_ms }) => p99_ms },
];

/** @type {import("./charts.js").Series<Usage>[]} */
const OUTCOMES = [
  { name: "Failed", kind: "errors", shape: "bar", valueOf: ({ failed }) => failed },
  {
    name: "Answered",
    kind: "answered",
    shape: "bar",
    valueOf: ({ responses, failed }) => responses - failed,
  },
];

export class Overview {
  title = "Overview";

  /**
   * @param {import("./server.js").Server} server
   * @param {import("./main.js").Go} go
   */
  constructor(server, go) {
    this.#server = server;
    this.#model.addEventListener("change", () => go(addressOf(this.#rangeName, this.#model.value)));
    this.#kept.append(
      this.#figures,
      make(
        "div",
        { class: "columns" },
        make(
          "section",
          { class: "panel chart-panel", "aria-label": "Responses" },
          this.#responses.element,
        ),
        this.#errors,
      ),
      panel(
        "How long it took",
        make("div", { class: "charts" }, ...this.#latencies.map(({ element }) => element)),
      ),
      this.#usage.element,
    );
    this.element.append(
      make(
        "header",
        { class: "page-head" },
        make("h1", {}, "Overview"),
        this.#updated,
        make("div", { class: "actions" }, this.#model, this.#ranges),
      ),
      this.#kept,
      this.#nothing,
      this.#engines,
    );
  }

  element = make("div", { class: "page page-overview" });

  #server;
  #rangeName = USUAL;
  #updated = make("span", { class: "hint" });
  #model = make("select", { "aria-label": "Model" }, make("option", { value: "" }, "All models"));
  #ranges = make("nav", { class: "segmented", "aria-label": "How far back" });
  #kept = make("div", { class: "stack" });
  #nothing = make("section", { class: "panel", hidden: true });
  #figures = make("dl", { class: "headline" });
  #responses = new TimeChart(
    "Responses",
    OUTCOMES,
    timeOf,
    short,
    "No responses in this time.",
    "h2",
  );
  #latencies = STAGES.map(
    ({ title }) =>
      new TimeChart(
        title,
        PERCENTILES,
        (/** @type {Latency} */ { at }) => at,
        brief,
        "Nothing was timed.",
      ),
  );
  #errors = make("section", { class: "panel errors-panel", "aria-label": "What failed last" });
  #usage = new UsageTable();
  #engines = make("section", { class: "panel" });

  /** @param {import("./main.js").Visit} visit */
  async show({ search, signal }) {
    this.#rangeName = search.get("range") ?? USUAL;
    if (!(this.#rangeName in RANGES)) this.#rangeName = USUAL;
    const model = search.get("model") ?? "";
    this.#ranges.replaceChildren(
      ...Object.entries(RANGES).map(([name, { label }]) =>
        make(
          "a",
          {
            href: addressOf(name, model),
            ...(name === this.#rangeName && { "aria-current": "true" }),
          },
          label,
        ),
      ),
    );
    await every(REFRESH_MS, signal, () => this.#refresh(model, signal));
  }

  /**
   * @param {string} model Whose responses are shown; empty for all.
   * @param {AbortSignal} signal
   */
  async #refresh(model, signal) {
    const engines = await this.#server.get("/antiphon/engines", signal);
    this.#engines.replaceChildren(make("h2", {}, "Engines"), enginesTable(engines.data));
    try {
      await this.#showKept(model, signal);
      this.#kept.hidden = false;
    } catch (error) {
      const { code } = /** @type {{code?: string}} */ (error);
      if (code !== "nothing_kept") throw error;
      this.#kept.hidden = true;
      this.#nothing.replaceChildren(problemView(/** @type {Error} */ (error), () => {}));
    }
    this.#nothing.hidden = !this.#kept.hidden;
    setText(this.#updated, `as of ${clock(Date.now() / 1000)}`);
  }

  /**
   * @param {string} model
   * @param {AbortSignal} signal
   */
  async #showKept(model, signal) {
    const { lastsS, stepS } = RANGES[this.#rangeName];
    const to = Math.ceil(Date.now() / 1000 / stepS) * stepS;
    const span = { from: to - lastsS, to, stepS };
    const within = `from=${span.from}&to=${to}`;
    const [bucket, ofModel] = [
      stepS === DAY_S ? "day" : "hour",
      model && `&model=${encodeURIComponent(model)}`,
    ];
    const grouping = `group_by=${bucket},model,key`;
    // First, and alone: where nothing is kept, one refusal will do.
    const usage = await this.#server.get(`/antiphon/usage?${grouping}&${within}`, signal);
    const [errors, ...latencies] = await Promise.all([
      this.#server.get(`/antiphon/errors?limit=${SHOWN_ERRORS}&${within}`, signal),
      ...STAGES.map(({ stage }) =>
        this.#server.get(
          `/antiphon/latency?stage=${stage}&bucket=${bucket}&${within}${ofModel}`,
          signal,
        ),
      ),
    ]);
    /** @type {Usage[]} */
    const rows = usage.data.filter((/** @type {Usage} */ row) => !model || row.model === model);
    this.#offer(usage.data, model);
    const spans = grouped(rows, (row) => String(timeOf(row))).map((sum) => ({
      ...sum,
      hour: Number(sum.name),
    }));
    this.#responses.show(spans.toReversed(), span);
    for (const [index, chart] of this.#latencies.entries()) chart.show(latencies[index].data, span);
    this.#showFigures(total(rows), usage.currency, latencies[0].data.at(-1));
    this.#showErrors(errors.data);
    this.#usage.show(rows, usage.currency);
  }

  /**
   * @param {Usage[]} rows
   * @param {string} model
   */
  #offer(rows, model) {
    const names = new Set([...rows.map((row) => row.model ?? ""), model].filter(Boolean));
    const [all] = this.#model.children;
    this.#model.replaceChildren(
      all,
      ...[...names].toSorted().map((value) => make("option", { value }, value)),
    );
    this.#model.value = model;
    this.#model.hidden = names.size < 2 && !model;
  }

  /**
   * @param {Usage} sum
   * @param {string | null} currency
   * @param {Latency | undefined} latest
   */
  #showFigures(sum, currency, latest) {
    const { lastsS, stepS } = RANGES[this.#rangeName];
    const each = stepS === DAY_S ? "a day" : "an hour";
    const spoken = sum.output_audio_tokens ? `${short(sum.output_audio_tokens)} of them audio` : "";
    const figures = [
      [
        "Responses",
        short(sum.responses),
        `${short(sum.responses / (lastsS / stepS))} ${each} on average`,
      ],
      ["Failed", share(sum.failed, sum.responses), `${whole(sum.failed)} responses`],
      [
        "Voice to voice",
        latest ? milliseconds(latest.p50_ms) : "–",
        latest ? `p95 ${milliseconds(latest.p95_ms)}, lately` : "no spoken turns",
      ],
      [
        "Tokens read",
        short(sum.input_tokens),
        `${share(sum.cached_tokens, sum.input_tokens)} from the cache`,
      ],
      ["Tokens written", short(sum.output_tokens), spoken],
      [
        "Cost",
        money(sum.cost, currency),
        sum.cost === null
          ? "no model has a price"
          : `${money(sum.cost / sum.responses, currency)} a response`,
      ],
    ];
    this.#figures.replaceChildren(
      ...figures.map(([name, value, more]) =>
        make(
          "div",
          {},
          make("dt", {}, name),
          make("dd", {}, make("b", {}, value), make("span", {}, more)),
        ),
      ),
    );
  }

  /** @param {import("./server.js").KeptResponse[]} errors */
  #showErrors(errors) {
    const list = errors.map((response) =>
      make(
        "li",
        {},
        make("a", { href: responseAddress(response.id) }, timeOfDay(response.antiphon.created_at)),
        make("code", {}, reasonOf(response)),
        make("p", {}, response.status_details?.error?.message ?? gistOf(response)),
      ),
    );
    const all = make(
      "a",
      { class: "more", href: responsesAddress([["status", "failed"]]) },
      "All that failed",
    );
    this.#errors.replaceChildren(
      make("h2", {}, "What failed last"),
      ...(list.length
        ? [
            make(
              "ol",
              { class: "scroll errors", tabindex: 0, "aria-label": "What failed last" },
              ...list,
            ),
            all,
          ]
        : [emptyState("Nothing failed", "Responses that fail in this time show up here.")]),
    );
  }
}

/**
 * @param {string} range
 * @param {string} model
 */
function addressOf(range, model) {
  const search = new URLSearchParams({
    ...(range !== USUAL && { range }),
    ...(model && { model }),
  });
  return `${ROOT}${search.size ? `?${search}` : ""}`;
}

/** @param {number} ms */
function brief(ms) {
  if (!ms) return "0";
  return ms < 1000 ? `${Math.round(ms)} ms` : `${Number((ms / 1000).toFixed(2))} s`;
}
