import { shown } from './record-view.ts';

/** For text and quoted attributes. */
export function escaped(text: string, length?: number): string {
  return shown(text, length)
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Longer than our sentences, and readable as JSON. */
export const longText = 4_000;
