import { type NoticeKind, type Notices, noticeKinds } from '@countersign/contracts';
import { canonicalize, type NoticeId } from '@countersign/kernel';

export type Notice = Parameters<Notices['tell']>[0];

/** A notice as it is kept. */
export interface StoredNotice extends Required<Omit<Notice, 'to'>> {
  readonly to: { readonly person: string } | { readonly role: string; readonly institution: string };
  /** RFC 3339. */
  readonly toldAt: string;
}

/** What is handed to a channel: the same bytes at every attempt, so that a receiver finds what it has had by `id`. */
export interface Message {
  readonly id: NoticeId;
  readonly kind: NoticeKind;
  /** JSON. */
  readonly body: string;
}

export function messageOf({ id, kind, to, text, facts, toldAt }: StoredNotice): Message {
  return { id, kind, body: canonicalize({ id, kind, to, text, facts, told_at: toldAt }) };
}

const longestText = 2_000;
const mostFacts = 16;
const longestFact = 400;

/** Our own parts write notices: one that does not fit is a fault of ours. @throws Error */
export function requireFit({ kind, text, facts = {} }: Notice): void {
  const entries = Object.entries(facts);
  if (
    !noticeKinds.includes(kind) ||
    text.length === 0 ||
    text.length > longestText ||
    entries.length > mostFacts ||
    entries.some(([name, value]) => name.length > 64 || value.length > longestFact)
  )
    throw new Error(`a notice of the kind ${kind} does not fit`);
}
