// A question in writing, an answer in writing, with the official OpenAI SDK for JavaScript.
//
// Run `antiphon serve`, then `npm install` and `node ask.mjs "Why is the sky blue?"`.

import { connect } from 'node:net';

import OpenAI from 'openai';
import { OpenAIRealtimeWS } from 'openai/realtime/ws';

const question = process.argv.slice(2).join(' ') || 'What is the capital of Italy?';
const baseURL = process.env.ANTIPHON_URL ?? 'http://127.0.0.1:8000/v1';

const client = new OpenAI({ baseURL, apiKey: process.env.ANTIPHON_API_KEY ?? 'none-needed' });

// The SDK always asks for a wss: address. A server of this machine has no certificate, so the
// connection is made without TLS; leave this out where there is a TLS proxy in front.
const options = { createConnection: ({ host, port }) => connect({ host, port }) };

const realtime = new OpenAIRealtimeWS({ model: 'antiphon', options }, client);

realtime.on('session.created', () => {
  realtime.send({
    type: 'conversation.item.create',
    item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: question }] },
  });
  realtime.send({ type: 'response.create', response: { output_modalities: ['text'] } });
});
realtime.on('response.output_text.delta', ({ delta }) => process.stdout.write(delta));
realtime.on('response.done', () => {
  process.stdout.write('\n');
  realtime.close();
});
realtime.on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
