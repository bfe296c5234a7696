// The official OpenAI SDK for JavaScript holds the conversation of ../story.py. Its second argument
// says over which of its sockets: `ws`, or the one that browsers have.

import OpenAI from 'openai';
import { OpenAIRealtimeWebSocket } from 'openai/realtime/websocket';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

import {
  Inbox,
  PLAYED_MS,
  QUESTION,
  SILENCE,
  SPEECH,
  WEATHER,
  durationMs,
  run,
  tell,
} from './telling.mjs';

const SOCKETS = { ws: OpenAIRealtimeWS, native: OpenAIRealtimeWebSocket };

const SESSION = {
  type: 'realtime',
  instructions: 'Be brief.',
  audio: { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } },
  tools: [
    {
      type: 'function',
      name: 'get_weather',
      description: 'Get the weather of a city.',
      parameters: {
        type: 'object',
        properties: { city: { type: 'string' } },
        required: ['city'],
      },
    },
  ],
};

await run(async (url, socketName) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any' });
  const realtime = new SOCKETS[socketName]({ model: 'antiphon' }, client);
  const inbox = new Inbox();
  const until = (type) => inbox.until(type);
  const hear = (samples) =>
    realtime.send({
      type: 'input_audio_buffer.append',
      audio: Buffer.from(samples.buffer).toString('base64'),
    });

  realtime.on('event', (event) => inbox.put(event));
  realtime.on('error', (error) => tell('error', { error: error.message }));
  realtime.on('conversation.item.input_audio_transcription.completed', (event) =>
    tell('heard', { text: event.transcript }),
  );

  await until('session.created');
  realtime.send({ type: 'session.update', session: SESSION });
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: QUESTION }] },
  });
  realtime.send({ type: 'response.create' });
  const call = await until('response.function_call_arguments.done');
  await until('response.done');
  tell('tool called', JSON.parse(call.arguments));
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'function_call_output', call_id: call.call_id, output: WEATHER },
  });
  realtime.send({ type: 'response.create' });
  await tellAnswer();

  hear(SPEECH);
  hear(SILENCE);
  let playedMs = 0;
  let delta;
  while (playedMs < PLAYED_MS) {
    delta = await until('response.output_audio.delta');
    playedMs += durationMs(Buffer.from(delta.delta, 'base64').length);
  }
  hear(SPEECH);
  await until('input_audio_buffer.speech_started');
  realtime.send({
    type: 'conversation.item.truncate',
    item_id: delta.item_id,
    content_index: delta.content_index,
    audio_end_ms: playedMs,
  });
  const { response } = await until('response.done');
  tell(response.status_details.reason === 'turn_detected' ? 'interrupted' : response.status);
  await until('conversation.item.truncated');
  hear(SILENCE);
  await tellAnswer();
  realtime.close();

  async function tellAnswer() {
    const { response: answer } = await until('response.done');
    tell('answer', { text: answer.output[0].content[0].transcript });
  }
});
