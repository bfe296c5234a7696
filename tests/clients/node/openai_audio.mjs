// The official OpenAI SDK for JavaScript transcribes a file in each way, and has a text spoken. Its
// second argument is the file.

import { createReadStream } from 'node:fs';

import OpenAI from 'openai';

import { run, tell } from './telling.mjs';

await run(async (url, path) => {
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'any', maxRetries: 0 });
  const transcribe = (options) =>
    client.audio.transcriptions.create({
      file: createReadStream(path),
      model: 'whisper-1',
      ...options,
    });

  const models = [];
  for await (const model of client.models.list()) models.push(model.id);
  tell('models', { ids: models, one: (await client.models.retrieve(models[0])).id });

  const { text, logprobs } = await transcribe({
    include: ['logprobs'],
    chunking_strategy: { type: 'server_vad', silence_duration_ms: 500 },
  });
  tell('json', { text, tokens: logprobs.map((one) => one.token) });

  const { segments } = await transcribe({
    response_format: 'verbose_json',
    timestamp_granularities: ['segment'],
  });
  tell('verbose_json', { texts: segments.map((segment) => segment.text) });

  for (const format of ['text', 'srt', 'vtt'])
    tell(format, { body: await transcribe({ response_format: format }) });

  const stream = await transcribe({ stream: true });
  const deltas = [];
  for await (const event of stream) {
    if (event.type === 'transcript.text.delta') deltas.push(event.delta);
    else tell('stream', { deltas, text: event.text });
  }

  const speech = await client.audio.speech.create({
    model: 'tts-1',
    voice: 'alloy',
    input: 'x'.repeat(20),
    response_format: 'pcm',
  });
  tell('speech', { bytes: (await speech.arrayBuffer()).byteLength });

  await client.audio.speech
    .create({ model: 'tts-1', voice: 'alloy', input: 'x', response_format: 'doc' })
    .catch((error) => tell('refused', { status: error.status, code: error.code }));
});
