import type { DirectorySnapshot } from '@countersign/contracts';
import type { ShownView } from '../shown.ts';
import type { Texts } from '../texts/en.ts';

/** What every page is drawn with. */
export interface Drawing {
  /** BCP 47. */
  readonly lang: string;
  readonly texts: Texts;
  /** A moment in words. @param at milliseconds since the epoch, or RFC 3339 */
  readonly moment: (at: number | string) => string;
  readonly directory: DirectorySnapshot;
  /** Path of the list; the other pages are below it. */
  readonly path: string;
  /** Where the evidence of a transaction is shown; undefined where it is not. */
  readonly evidencePathOf?: EvidencePathOf | undefined;
}

/** @returns a path on our own origin */
export type EvidencePathOf = (view: Pick<ShownView, 'transaction' | 'initiatorInstitution'>) => string | undefined;

/** The sentence of a catalogue for a code that stands in it. */
export function sentenceFor(sentences: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(sentences, code) ? sentences[code] : undefined;
}
