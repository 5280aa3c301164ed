import type { GraphRecord } from '../graph/record-view.ts';

/** JSON Lines. */
export function recordLine({ index, record }: GraphRecord): string {
  return `${JSON.stringify({ index: index.toString(), record })}\n`;
}
