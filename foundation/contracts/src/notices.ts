import type { NoticeId } from '@countersign/kernel';
import type { PrincipalId } from './principals.ts';

export const noticeKinds = [
  'authenticator-added',
  'authenticator-removed',
  'authenticator-suspected',
  'signed-in-on-new-device',
  'impossible-travel',
  'recovery-opened',
  'recovery-decided',
  'recovery-completed',
  'account-locked',
  'account-unlocked',
  'break-glass-declared',
  'break-glass-review-due',
  'break-glass-review-overdue',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/**
 * Tells people what happened to their account, by every channel that the installation has. No addresses here: a channel
 * is the firm's own system, which knows where its people are reached.
 */
export interface Notices {
  /**
   * Takes a notice, durably, once for each `id`; it is then sent by every channel, at least once, and each outcome
   * recorded. What it is about must be in the log before, unless people must know before anybody can use it (docs/adr/0057).
   */
  tell(notice: {
    readonly id: NoticeId;
    readonly to: PrincipalId | { readonly role: string; readonly institution: string };
    readonly kind: NoticeKind;
    /** What the person should know and do, in words; no secret, no link that does something. */
    readonly text: string;
    readonly facts?: Readonly<Record<string, string>>;
  }): Promise<void>;
}
