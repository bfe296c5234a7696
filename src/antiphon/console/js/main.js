/** Puts the console together: the session on one side, what shows it on the other. */

import { models, voices } from "./api.js";
import { byId, make, oncePerFrame, setText } from "./dom.js";
import { Events } from "./events.js";
import { Microphone } from "./microphone.js";
import { complain } from "./notices.js";
import { Pages } from "./pages.js";
import { Replay } from "./replay.js";
import { Score } from "./score.js";
import { Session } from "./session.js";
import { Settings } from "./settings.js";
import { Tools } from "./tools.js";
import { Transcript } from "./transcript.js";
import { Turns } from "./turns.js";

const tools = new Tools();
const settings = new Settings(tools);

/** @type {import("./protocol.js").Entry[]} Events that are yet to be shown. */
let fresh = [];

const session = new Session(settings, tools, {
  changed(entry) {
    if (entry) fresh.push(entry);
    show();
  },
  cleared() {
    fresh = [];
    events.rebuild();
    show();
  },
  complain,
});

const events = new Events(session.log);
const transcript = new Transcript();
const turns = new Turns();
const microphone = new Microphone(session);

const status = byId("status", HTMLElement);
const connect = byId("connect", HTMLButtonElement);
const hearing = byId("hearing", HTMLElement);
const sounding = byId("sounding", HTMLElement);
const interrupt = byId("interrupt", HTMLButtonElement);

const show = oncePerFrame(() => {
  const { conversation } = session;
  const connected = session.state === "connected";
  events.show(fresh);
  fresh = [];
  transcript.show(conversation);
  turns.show(conversation);
  microphone.show();
  status.dataset.state = session.state;
  const [line] = status.children;
  setText(line, session.detail || "Not connected");
  setText(connect, connected ? "Disconnect" : "Connect");
  connect.classList.toggle("primary", !connected);
  connect.classList.toggle("quiet", connected);
  connect.disabled = session.state === "connecting";
  document.body.toggleAttribute("data-hearing", conversation.hearing);
  setText(hearing, hearingNow());
  hearing.toggleAttribute("data-on", session.listening);
  setText(sounding, soundingNow());
  sounding.toggleAttribute("data-on", Boolean(conversation.activeId) || conversation.sounding);
  interrupt.disabled = !conversation.activeId && !conversation.sounding;
});

function hearingNow() {
  if (session.conversation.hearing) return "The server hears you";
  return session.listening ? "Listening" : "Microphone off";
}

function soundingNow() {
  if (session.conversation.sounding) return "Speaking";
  return session.conversation.activeId ? "Thinking" : "Silent";
}

new Score(() => ({ ...session.levels, hearing: session.conversation.hearing }));

new Replay(session, complain);

// --- what the user does --------------------------------------------------------------------------

connect.addEventListener("click", () => {
  if (session.state === "connected") session.disconnect();
  else session.connect();
});

const words = byId("words", HTMLInputElement);
byId("composer", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const written = words.value.trim();
  if (!written) return;
  words.value = "";
  session.write(written);
});

interrupt.addEventListener("click", () => session.interrupt());
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && !interrupt.disabled) session.interrupt();
});

for (const prompt of document.querySelectorAll(".prompt")) {
  prompt.addEventListener("click", () => session.write(prompt.textContent ?? ""));
}

byId("save", HTMLButtonElement).addEventListener("click", () => {
  const file = new Blob([session.log.toLines()], { type: "application/jsonl" });
  const url = URL.createObjectURL(file);
  make("a", { href: url, download: `antiphon-${new Date().toISOString()}.jsonl` }).click();
  URL.revokeObjectURL(url);
});

byId("clear", HTMLButtonElement).addEventListener("click", () => {
  session.log.clear();
  events.rebuild();
});

const views = /** @type {NodeListOf<HTMLButtonElement>} */ (
  document.querySelectorAll(".views button")
);
for (const button of views) {
  button.addEventListener("click", () => choose(button.dataset.view ?? "talk"));
}

/** @param {string} view */
function choose(view) {
  document.body.dataset.view = view;
  for (const button of views) {
    if (button.dataset.view === view) button.setAttribute("aria-current", "true");
    else button.removeAttribute("aria-current");
  }
}

/**
 * Where talk and settings are always to be seen, they are no views to choose; the turns are the
 * first of the others.
 */
const layouts = [matchMedia("(min-width: 1180px)"), matchMedia("(min-width: 760px)")];
function settle() {
  const [wide, middle] = layouts.map((layout) => layout.matches);
  const { view } = document.body.dataset;
  if (wide && (view === "talk" || view === "settings")) choose("turns");
  else if (middle && view === "talk") choose("settings");
}
for (const layout of layouts) layout.addEventListener("change", settle);

// --- what the server has -------------------------------------------------------------------------

async function offerModels() {
  try {
    settings.offer("model", await models(settings.key));
    await offerVoices();
  } catch (error) {
    complain(/** @type {Error} */ (error).message);
  }
}

async function offerVoices() {
  settings.offer("voice", await voices(settings.key, settings.model));
}

settings.onChange((name) => {
  if (name === "key") offerModels();
  if (name === "model") offerVoices().catch((error) => complain(error.message));
});

settle();
new Pages(settings, offerModels);
