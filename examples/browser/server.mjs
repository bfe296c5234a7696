// Serves the page, the SDK out of node_modules, and short-lived secrets: the API key stays here.

import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';

const PORT = Number(process.env.PORT ?? 3000);
const ANTIPHON_URL = process.env.ANTIPHON_URL ?? 'http://127.0.0.1:8000';
const ANTIPHON_API_KEY = process.env.ANTIPHON_API_KEY ?? 'none-needed';

const FOLDERS = {
  '/sdk/': join(import.meta.dirname, 'node_modules/@openai/agents-realtime/dist/bundle'),
  '/': join(import.meta.dirname, 'page'),
};
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript' };

const server = createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/secret') {
    return sendSecret(response).catch((error) =>
      sendJson(response, 502, { error: `${ANTIPHON_URL} does not answer: ${error.message}` }),
    );
  }
  const path = request.url === '/' ? '/index.html' : request.url.split('?')[0];
  const prefix = Object.keys(FOLDERS).find((one) => path.startsWith(one));
  if (!prefix) return response.writeHead(404).end();
  const file = join(FOLDERS[prefix], normalize(path.slice(prefix.length - 1)));
  if (!existsSync(file) || !TYPES[extname(file)]) return response.writeHead(404).end();
  response.writeHead(200, { 'Content-Type': TYPES[extname(file)] });
  createReadStream(file).pipe(response);
});

async function sendSecret(response) {
  const answer = await fetch(`${ANTIPHON_URL}/v1/realtime/client_secrets`, {
    method: 'POST',
    headers: {
      Authorization: `Bearer ${ANTIPHON_API_KEY}`,
      'Content-Type': 'application/json',
    },
    body: JSON.stringify({ session: { type: 'realtime', model: 'antiphon' } }),
  });
  const { value, error } = await answer.json();
  sendJson(response, answer.status, { secret: value, error: error?.message, url: ANTIPHON_URL });
}

function sendJson(response, status, body) {
  response.writeHead(status, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(body));
}

server.listen(PORT, '127.0.0.1', () => {
  console.log(`Open http://127.0.0.1:${server.address().port}`);
});
