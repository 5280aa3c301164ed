import { shown } from './record-view.ts';

/** A value for text and for quoted attributes, without what deceives a reader. */
export function escaped(text: string, length?: number): string {
  return shown(text, length)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Long enough for every sentence of ours, and for JSON that people still read. */
export const longText = 4_000;
