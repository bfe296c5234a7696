// The OpenAI Agents SDK for JavaScript holds the conversation of ../story.py over a WebSocket.

import { RealtimeAgent, RealtimeSession, tool } from '@openai/agents-realtime';
import { z } from 'zod';

import {
  Inbox,
  PLAYED_MS,
  QUESTION,
  SILENCE,
  SPEECH,
  WEATHER,
  durationMs,
  run,
  sleep,
  tell,
} from './telling.mjs';

const getWeather = tool({
  name: 'get_weather',
  description: 'Get the weather of a city.',
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => {
    tell('tool called', { city });
    return WEATHER;
  },
});

await run(async (url) => {
  const agent = new RealtimeAgent({
    name: 'Forecaster',
    instructions: 'Be brief.',
    tools: [getWeather],
  });
  // Everything else is as the SDK has it by default.
  const session = new RealtimeSession(agent, { transport: 'websocket' });
  const inbox = new Inbox();
  const retrieved = new Inbox();
  let spokenMs = 0;

  session.on('error', ({ error }) => tell('error', { error: JSON.stringify(error) }));
  session.on('audio', ({ data }) => {
    const ms = durationMs(data.byteLength);
    spokenMs += ms;
    inbox.put({ type: 'audio', ms });
  });
  session.on('audio_interrupted', () => inbox.put({ type: 'audio_interrupted' }));
  session.on('agent_end', (_context, _agent, text) => inbox.put({ type: 'agent_end', text }));
  session.on('transport_event', (event) => {
    if (event.type === 'conversation.item.input_audio_transcription.completed') {
      tell('heard', { text: event.transcript });
    }
    if (event.type === 'conversation.item.retrieved') retrieved.put(event);
  });

  await session.connect({ apiKey: 'any', url: `ws${url.slice(4)}/v1/realtime?model=antiphon` });
  session.sendMessage(QUESTION);
  await tellAnswer();
  await sleep(spokenMs); // while the answer is played
  session.sendAudio(SPEECH.buffer);
  session.sendAudio(SILENCE.buffer);
  for (let playedMs = 0; playedMs < PLAYED_MS; ) playedMs += (await inbox.until('audio')).ms;
  session.sendAudio(SPEECH.buffer);
  await inbox.until('audio_interrupted');
  tell('interrupted');
  await inbox.until('agent_end');
  session.sendAudio(SILENCE.buffer);
  await tellAnswer();
  // The SDK reads back what was heard, twice, and what is left of the interrupted answer.
  for (let items = 0; items < 3; items += 1) await retrieved.until('conversation.item.retrieved');
  const messages = session.history.filter((item) => item.type === 'message');
  tell('remembered', {
    texts: messages.map(({ content: [part] }) => part.text ?? part.transcript),
  });
  session.close();

  async function tellAnswer() {
    let answer;
    do answer = await inbox.until('agent_end');
    while (!answer.text); // one that only called a function has none
    tell('answer', { text: answer.text });
  }
});
