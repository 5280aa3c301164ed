import type { DirectorySnapshot } from '@countersign/contracts';
import type { ShownView } from '../shown.ts';
import type { Texts } from '../texts/en.ts';

/** What every page needs to render. */
export interface Drawing {
  /** BCP 47. */
  readonly lang: string;
  readonly texts: Texts;
  /** Formats a date and time. @param at milliseconds since the epoch, or RFC 3339 */
  readonly moment: (at: number | string) => string;
  readonly directory: DirectorySnapshot;
  /** Path of the list; the other pages are below it. */
  readonly path: string;
  /** Path of the evidence page of a transaction; absent if there is none. */
  readonly evidencePathOf?: EvidencePathOf | undefined;
}

/** @returns a path on our own origin */
export type EvidencePathOf = (view: Pick<ShownView, 'transaction' | 'initiatorInstitution'>) => string | undefined;

/** The text for a code, if there is one. */
export function sentenceFor(sentences: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(sentences, code) ? sentences[code] : undefined;
}

/** Path of the list; the other approval pages are below it. */
export const approvePath = '/approve';

/** The address of the batch page for these transactions, in this order. */
export function batchAddress(path: string, ids: readonly string[], role?: string): string {
  const fields = [...ids.map((id) => ['txn', id] as const), ...(role === undefined ? [] : [['role', role] as const])];
  return `${path}/batch?${fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

/** Formats a date and time with its zone, and in UTC if that differs. */
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

/** Short enough to compare by eye or by telephone. */
export function shortDigest(digest: string): string {
  return digest.slice(0, 16).replace(/(.{4})(?=.)/g, '$1 ');
}
