/** A session over WebRTC. The server plays what is said, and knows how far it came. */

import { iceServers, request } from "./api.js";

/** @typedef {import("./transport.js").Transport} Transport */

/** How long a call may take to be connected. */
const CONNECT_TIMEOUT_MS = 8000;

/** How long to find out where this page can be reached: not every server that is asked answers. */
const GATHERING_MS = 2000;

/**
 * @param {import("./transport.js").Opening} opening
 * @returns {Promise<Transport>}
 */
export async function openCall({ model, secret, sound, listener }) {
  const peer = new RTCPeerConnection(await iceServers(secret));
  const channel = peer.createDataChannel("oai-events");
  try {
    const { sender } = peer.addTransceiver("audio", { direction: "sendrecv" });
    const opened = new Promise((resolve, reject) => {
      channel.onopen = resolve;
      const late = new Error(`The call to ${location.host} was not connected in time.`);
      setTimeout(() => reject(late), CONNECT_TIMEOUT_MS);
    });
    opened.catch(() => {}); // it may come too late to matter
    peer.ontrack = ({ track }) => sound.hear(track);
    await peer.setLocalDescription();
    await gathered(peer);
    const answer = await request("/v1/realtime/calls", secret, {
      method: "POST",
      ...offerOf(peer.localDescription?.sdp ?? "", model, secret),
    });
    await peer.setRemoteDescription({ type: "answer", sdp: await answer.text() });
    await opened;
    return new CallTransport(peer, channel, sender, sound, listener);
  } catch (error) {
    sound.hear(null);
    peer.close();
    throw error;
  }
}

/**
 * Return what is sent to have a call answered. A client secret says itself what the session is.
 *
 * @param {string} sdp
 * @param {string} model
 * @param {string | null} secret
 * @returns {RequestInit}
 */
function offerOf(sdp, model, secret) {
  if (secret) return { headers: { "Content-Type": "application/sdp" }, body: sdp };
  const form = new FormData();
  form.set("sdp", sdp);
  form.set("session", JSON.stringify({ type: "realtime", model }));
  return { body: form };
}

/**
 * Wait until the offer says everywhere that this page can be reached, as far as is known in time:
 * there is one request only.
 *
 * @param {RTCPeerConnection} peer
 * @returns {Promise<void>}
 */
function gathered(peer) {
  return new Promise((resolve) => {
    const check = () => {
      if (peer.iceGatheringState === "complete") resolve();
    };
    peer.onicegatheringstatechange = check;
    setTimeout(resolve, GATHERING_MS);
    check();
  });
}

/** @implements {Transport} */
class CallTransport {
  name = "WebRTC";

  /**
   * @param {RTCPeerConnection} peer
   * @param {RTCDataChannel} channel
   * @param {RTCRtpSender} sender
   * @param {import("./sound.js").Sound} sound
   * @param {import("./transport.js").Listener} listener
   */
  constructor(peer, channel, sender, sound, listener) {
    this.#peer = peer;
    this.#channel = channel;
    this.#sound = sound;
    this.#listener = listener;
    sound.onTrack = (track) => sender.replaceTrack(track);
    sender.replaceTrack(sound.track);
    channel.onmessage = ({ data }) => this.#receive(JSON.parse(data));
    channel.onclose = () => this.#end("The server ended the call.");
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === "failed") this.#end("The call was lost.");
    };
  }

  #peer;
  #channel;
  #sound;
  #listener;

  /** @type {string | null} The response that is being worked out. */
  #activeId = null;

  /** @param {import("./protocol.js").RealtimeEvent} event */
  send(event) {
    this.#channel.send(JSON.stringify(event));
    this.#listener.sent(event);
  }

  interrupt() {
    if (this.#activeId) this.send({ type: "response.cancel" });
    this.send({ type: "output_audio_buffer.clear" });
  }

  close() {
    this.#end("Disconnected.");
  }

  /** @param {import("./protocol.js").RealtimeEvent} event */
  #receive(event) {
    switch (event.type) {
      case "response.created":
        if (event.response.conversation_id) this.#activeId = event.response.id;
        break;
      case "response.done":
        if (event.response.id === this.#activeId) this.#activeId = null;
        break;
      case "output_audio_buffer.started":
        this.#listener.sounding(true);
        break;
      case "output_audio_buffer.stopped":
      case "output_audio_buffer.cleared":
        this.#listener.sounding(false);
        break;
    }
    this.#listener.received(event);
  }

  /** @param {string} reason */
  #end(reason) {
    this.#channel.onclose = null;
    this.#channel.onmessage = null;
    this.#peer.onconnectionstatechange = null;
    this.#sound.onTrack = null;
    this.#sound.hear(null);
    this.#peer.close();
    this.#listener.sounding(false);
    this.#listener.closed(reason);
  }
}
