// The OpenAI Agents SDK for JavaScript, over WebRTC, with a short-lived secret.

import {
  OpenAIRealtimeWebRTC,
  RealtimeAgent,
  RealtimeSession,
  tool,
} from '/sdk/openai-realtime-agents.mjs';

const state = document.getElementById('state');

const getWeather = tool({
  name: 'get_weather',
  description: 'Get the current weather in a city.',
  parameters: {
    type: 'object',
    properties: { city: { type: 'string' } },
    required: ['city'],
    additionalProperties: false,
  },
  execute: async ({ city }) => `It is raining in ${city}, at 7 degrees.`,
});

const agent = new RealtimeAgent({
  name: 'Forecaster',
  instructions: 'You are a friendly voice assistant. Answer in one or two short sentences.',
  tools: [getWeather],
});

let session;

const start = document.getElementById('start');

start.addEventListener('click', async () => {
  start.disabled = true;
  try {
    await connect();
    state.textContent = 'Connected: say something';
  } catch (error) {
    state.textContent = error.message;
    start.disabled = false;
  }
});

async function connect() {
  const { secret, url, error } = await (await fetch('/secret', { method: 'POST' })).json();
  if (error) throw new Error(error);
  const transport = new OpenAIRealtimeWebRTC({ baseUrl: `${url}/v1/realtime/calls` });
  session = new RealtimeSession(agent, { transport, model: 'antiphon' });
  session.on('history_updated', show);
  session.on('audio_interrupted', () => (state.textContent = 'Interrupted'));
  session.on('error', ({ error }) => (state.textContent = `Error: ${JSON.stringify(error)}`));
  await session.connect({ apiKey: secret });
}

document.getElementById('interrupt').addEventListener('click', () => session?.interrupt());

function show(history) {
  const lines = history.map((item) => {
    const line = document.createElement('li');
    line.textContent =
      item.type === 'function_call'
        ? `${item.name}(${item.arguments}) → ${item.output ?? '…'}`
        : `${item.role}: ${item.content.map((part) => part.transcript ?? part.text).join(' ')}`;
    return line;
  });
  document.getElementById('said').replaceChildren(...lines);
}
