import type { DirectorySnapshot } from '@countersign/contracts';
import type { ShownView } from '../shown.ts';
import type { Texts } from '../texts/en.ts';

export interface Drawing {
  readonly lang: string;
  readonly texts: Texts;
  readonly moment: (at: number | string) => string;
  readonly directory: DirectorySnapshot;
  readonly path: string;
  readonly evidencePathOf?: EvidencePathOf | undefined;
}

/** @returns a path on our own origin */
export type EvidencePathOf = (view: Pick<ShownView, 'transaction' | 'initiatorInstitution'>) => string | undefined;

export function sentenceFor(sentences: Readonly<Record<string, string>>, code: string): string | undefined {
  return Object.hasOwn(sentences, code) ? sentences[code] : undefined;
}

export const approvePath = '/approve';

/** The address of the batch page for these transactions, in this order. */
export function batchAddress(path: string, ids: readonly string[], role?: string): string {
  const fields = [...ids.map((id) => ['txn', id] as const), ...(role === undefined ? [] : [['role', role] as const])];
  return `${path}/batch?${fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}

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
