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

/** Of the list; every other page of approvers is below it. */
export const approvePath = '/approve';

/** Where several are looked at together, in this order. */
export function batchAddress(path: string, ids: readonly string[], role?: string): string {
  const fields = [...ids.map((id) => ['txn', id] as const), ...(role === undefined ? [] : [['role', role] as const])];
  return `${path}/batch?${fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

/** A moment in words, with its time zone; in UTC too, where that is another. No countdown: it hurries nobody. */
export function momentIn(lang: string, timeZone: string): (at: number | string) => string {
  const local = inZone(lang, timeZone);
  const utc = inZone(lang, 'UTC');
  return (at) => {
    const date = new Date(at);
    const [here, there] = [local.format(date), utc.format(date)];
    return timeZone === 'UTC' || here === there ? there : `${here} (${there})`;
  };
}

function inZone(lang: string, timeZone: string): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat(lang === 'en' ? 'en-GB' : lang, {
    weekday: 'long',
    day: 'numeric',
    month: 'long',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
    timeZone,
    timeZoneName: 'short',
  });
}

/** Enough to compare by eye or by telephone with what another system shows of the same. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ');
}
