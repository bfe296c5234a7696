// Notes what the page plays: of its audio contexts, and of its calls.

const heard = {
  /** @type {Float32Array[]} */
  blocks: [],
  /** @type {number[]} */
  ends_ms: [],

  /** @type {(RTCConfiguration | undefined)[]} What each call was given. */
  calls: [],

  /** @param {AudioNode} node */
  tap(node) {
    const tap = node.context.createScriptProcessor(1024, 1, 1);
    tap.onaudioprocess = ({ inputBuffer }) => {
      heard.blocks.push(inputBuffer.getChannelData(0).slice());
      heard.ends_ms.push(performance.now());
    };
    connect.call(node, tap);
    connect.call(tap, node.context.destination);
  },

  /**
   * Wait until it is later by the page's clock, and has been listened to.
   *
   * @param {number} ms
   */
  async until(ms) {
    while ((heard.ends_ms.at(-1) ?? 0) < ms) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  },

  told() {
    const bytes = heard.blocks.map((block) => new Uint8Array(block.buffer));
    const letters = bytes.map((block) => String.fromCharCode(...block));
    return { samples: btoa(letters.join("")), ends_ms: heard.ends_ms };
  },
};
window.heard = heard;

const { connect } = AudioNode.prototype;
AudioNode.prototype.connect = function (target, ...rest) {
  if (target instanceof AudioDestinationNode) heard.tap(this);
  return connect.call(this, target, ...rest);
};

window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...options) {
    super(...options);
    heard.calls.push(options[0]);
    this.addEventListener("track", ({ track }) => {
      const context = new AudioContext({ sampleRate: 24_000 });
      heard.tap(context.createMediaStreamSource(new MediaStream([track])));
    });
  }
};
