import type { GraphRecord } from '../graph/record-view.ts';

/** One record a line (JSON Lines): its place in the log, and the record. */
export function recordLine({ index, record }: GraphRecord): string {
  return `${JSON.stringify({ index: index.toString(), record })}\n`;
}
