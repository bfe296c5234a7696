"""What a browser records with its own recorder, and has transcribed as a file."""

from __future__ import annotations

import pytest

from antiphon.engines.scripted.script import Say, Script, Take
from tests.support.server import running_server

RECORD_AND_ASK = """
async (kind) => {
  if (!MediaRecorder.isTypeSupported(kind)) return null;
  const context = new AudioContext();
  const speaker = new OscillatorNode(context, { frequency: 220 });
  const sound = new MediaStreamAudioDestinationNode(context);
  speaker.connect(sound);
  speaker.start();
  const recorder = new MediaRecorder(sound.stream, { mimeType: kind });
  const pieces = [];
  let loudEnough;
  const recorded = new Promise((resolve) => (loudEnough = resolve));
  recorder.ondataavailable = ({ data }) => {
    pieces.push(data);
    if (pieces.length === 10) loudEnough();
  };
  recorder.start(100);
  await recorded;
  recorder.stop();
  await new Promise((resolve) => (recorder.onstop = resolve));
  const form = new FormData();
  form.append("file", new Blob(pieces, { type: kind }), "speech");
  form.append("model", "whisper-1");
  form.append("response_format", "verbose_json");
  const response = await fetch("/v1/audio/transcriptions", { method: "POST", body: form });
  return response.json();
}
"""

SUPPORTED = {"audio/webm;codecs=opus"}
"""Everywhere. MP4 takes a build with the codecs of patents, or one that puts Opus in it."""


@pytest.mark.parametrize("kind", ["audio/webm;codecs=opus", "audio/mp4;codecs=opus", "audio/mp4"])
async def test_a_browsers_recording_is_transcribed(chromium, kind):
    script = Script(transcriptions=(Take((Say("Good morning."),)),))
    async with running_server(script) as server, chromium.visit(server.url) as visit:
        await visit.page.click("#words")  # who has touched nothing records nothing
        heard = await visit.page.evaluate(RECORD_AND_ASK, kind)
        assert visit.complaints == []
    if heard is None and kind not in SUPPORTED:
        pytest.skip(f"this Chromium cannot record {kind}")
    assert heard["text"] == "Good morning."
    assert 0.5 < heard["duration"] < 20
