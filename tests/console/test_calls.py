"""Many calls at once, from one browser."""

from __future__ import annotations

from antiphon.engines.scripted.script import AnswerStep, Say, Script, Take
from tests.support.server import running_server

CALLS = 10

CALL_AND_ASK = """
async (calls) => {
  const { openCall } = await import("/console/js/call.js");
  function hear(track) {
    const speaker = new Audio();  // without one, Chromium leaves the call's sound where it is
    speaker.srcObject = track && new MediaStream([track]);
    speaker.play();
  }
  async function ask(number) {
    let ended;
    const answered = new Promise((resolve) => (ended = resolve));
    const words = [];
    const transport = await openCall({
      model: "antiphon",
      secret: null,
      sound: { track: null, onTrack: null, hear },
      listener: {
        sent() {},
        received(event) {
          if (event.type === "response.output_audio_transcript.done") words.push(event.transcript);
          if (event.type === "output_audio_buffer.stopped") ended();
        },
        sounding() {},
        closed: ended,
      },
    });
    const content = [{ type: "input_text", text: `This is number ${number}.` }];
    transport.send({
      type: "conversation.item.create", item: { type: "message", role: "user", content },
    });
    transport.send({ type: "response.create" });
    await answered;
    return words.join();
  }
  return Promise.all(Array.from({ length: calls }, (_, number) => ask(number)));
}
"""


async def test_ten_calls_at_once_get_their_own_answers(chromium):
    answers: tuple[Take[AnswerStep], ...] = tuple(
        Take((Say(f"You are number {number}."),), when=f"number {number}.")
        for number in range(CALLS)
    )
    async with (
        running_server(Script(answers=answers)) as server,
        chromium.visit(server.url) as visit,
    ):
        await visit.page.click("#words")  # who has touched nothing hears nothing
        words = await visit.page.evaluate(CALL_AND_ASK, CALLS)
        assert server.reception.open_sessions == CALLS
        heard = await visit.heard()
    assert words == [f"You are number {number}." for number in range(CALLS)]
    assert len(heard.loud_ms) > CALLS * 10
    assert visit.complaints == []
