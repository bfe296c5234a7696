// Tells what the schemas of the OpenAI Agents SDK for JavaScript make of the frames in a file, one
// a line. What does not fit them the SDK passes on as a generic event, and does nothing else.

import { readFile } from 'node:fs/promises';

import { tell } from './telling.mjs';

// Not exported by the package, but what all its transports read frames with.
const module = import.meta.resolve('@openai/agents-realtime');
const { parseRealtimeEvent } = await import(new URL('./openaiRealtimeEvents.mjs', module));

const frames = await readFile(process.argv[2], 'utf8');
for (const frame of frames.trim().split('\n')) {
  const { raw, isGeneric } = parseRealtimeEvent({ data: frame });
  tell(isGeneric ? 'demoted' : 'understood', { type: raw.type });
}
