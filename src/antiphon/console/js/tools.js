/** Tools with canned answers: edited in the settings, offered to the assistant, answered here. */

import { byId, make } from "./dom.js";
import { stored } from "./stored.js";

const STORED_AS = "antiphon.tools";

/**
 * @typedef {object} Tool
 * @property {string} name
 * @property {string} description
 * @property {string} parameters Its arguments, as a JSON schema.
 * @property {string} answer What each call is answered with.
 */

/** @type {Tool} What a new tool begins as. */
const EXAMPLE = {
  name: "get_weather",
  description: "Get the current weather in a city.",
  parameters: JSON.stringify(
    { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
    null,
    2,
  ),
  answer: '{"sky": "rain", "celsius": 7}',
};

export class Tools {
  /** @type {(() => void) | null} */
  onChange = null;

  constructor() {
    for (const tool of stored(STORED_AS) ?? []) this.#add(tool, false);
    byId("add-tool", HTMLButtonElement).addEventListener("click", () => {
      this.#add({ ...EXAMPLE, name: this.#freeName() }, true);
      this.#changed();
    });
  }

  #list = byId("tools", HTMLElement);

  /** @type {Map<HTMLElement, Tool>} In the order in which they were added. */
  #tools = new Map();

  /** @returns {Record<string, unknown>[]} The tools as a session takes them; broken ones are left out. */
  definitions() {
    return [...this.#tools.values()].flatMap(({ name, description, parameters }) => {
      const schema = parsed(parameters);
      return name && schema ? [{ type: "function", name, description, parameters: schema }] : [];
    });
  }

  /**
   * @param {string} name
   * @returns {string | undefined} What a call of the tool is answered with.
   */
  answerOf(name) {
    return [...this.#tools.values()].find((tool) => tool.name === name)?.answer;
  }

  /**
   * @param {Tool} tool
   * @param {boolean} open
   */
  #add(tool, open) {
    const title = make("summary", {}, tool.name);
    const remove = make("button", { type: "button", class: "button quiet small danger" }, "Remove");
    const body = make("div", { class: "tool-body" });
    const editor = make("details", { class: "tool disclosure", open }, title, body);
    /**
     * @param {keyof Tool} field
     * @param {string} label
     * @param {HTMLInputElement | HTMLTextAreaElement} input
     */
    const edit = (field, label, input) => {
      const isCode = field !== "description";
      input.value = tool[field];
      input.addEventListener("change", () => {
        tool[field] = input.value.trim();
        title.textContent = tool.name || "(without a name)";
        if (field === "parameters") {
          input.setAttribute("aria-invalid", String(!parsed(tool.parameters)));
        }
        this.#changed();
      });
      body.append(make("label", { class: isCode ? "field code" : "field" }, label, input));
    };
    edit("name", "Name", make("input", { type: "text", spellcheck: "false" }));
    edit("description", "What it is for", make("textarea", { rows: 2 }));
    edit("parameters", "Arguments, as a JSON schema", make("textarea", { rows: 7 }));
    edit("answer", "Answer to each call", make("textarea", { rows: 3 }));
    body.append(remove);
    remove.addEventListener("click", () => {
      this.#tools.delete(editor);
      editor.remove();
      byId("add-tool", HTMLButtonElement).focus();
      this.#changed();
    });
    this.#tools.set(editor, tool);
    this.#list.append(editor);
  }

  #freeName() {
    const taken = new Set([...this.#tools.values()].map((tool) => tool.name));
    let name = EXAMPLE.name;
    for (let number = 2; taken.has(name); number++) name = `${EXAMPLE.name}_${number}`;
    return name;
  }

  #changed() {
    localStorage.setItem(STORED_AS, JSON.stringify([...this.#tools.values()]));
    this.onChange?.();
  }
}

/**
 * @param {string} text
 * @returns {object | null} `null` if it is no JSON object.
 */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
