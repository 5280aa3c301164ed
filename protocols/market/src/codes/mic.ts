import type { Brand } from '@countersign/kernel';
import { accept, type Parsed, refuse } from '../parsed.ts';

/** Market Identifier Code (ISO 10383): 4 capitals and digits. The shape alone does not prove that the venue exists. */
export type Mic = Brand<string, 'Mic'>;

const pattern = /^[0-9A-Z]{4}$/;

/** Checks the shape. A MIC has no check digit; `checkVenue` checks that the venue exists. */
export function parseMic(text: unknown): Parsed<Mic, 'mic_malformed'> {
  return typeof text === 'string' && pattern.test(text)
    ? accept(text as Mic)
    : refuse('mic_malformed', 'A MIC is 4 capital letters and digits (ISO 10383).');
}
