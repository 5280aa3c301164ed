import { type NoticeKind, type Notices, noticeKinds } from '@countersign/contracts';
import { canonicalize, type NoticeId } from '@countersign/kernel';

export type Notice = Parameters<Notices['notify']>[0];

export interface StoredNotice extends Required<Omit<Notice, 'to'>> {
  readonly to: { readonly person: string } | { readonly role: string; readonly institution: string };
  readonly notifiedAt: string;
}

/** The same bytes at every attempt, so that a receiver recognises a repetition by `id`. */
export interface Message {
  readonly id: NoticeId;
  readonly kind: NoticeKind;
  readonly body: string;
}

export function messageOf({ id, kind, to, text, facts, notifiedAt }: StoredNotice): Message {
  return { id, kind, body: canonicalize({ id, kind, to, text, facts, notified_at: notifiedAt }) };
}

const maxTextLength = 2_000;
const maxFacts = 16;
const maxFactLength = 400;

/** Notices come from our own components, so an invalid one is our bug. @throws Error */
export function requireValid({ kind, text, facts = {} }: Notice): void {
  const entries = Object.entries(facts);
  if (
    !noticeKinds.includes(kind) ||
    text.length === 0 ||
    text.length > maxTextLength ||
    entries.length > maxFacts ||
    entries.some(([name, value]) => name.length > 64 || value.length > maxFactLength)
  )
    throw new Error(`a notice of the kind ${kind} is invalid`);
}
