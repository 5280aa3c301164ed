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
  'client-key-ending',
  'signing-key-ageing',
  'lease-irrevocable',
] as const;
export type NoticeKind = (typeof noticeKinds)[number];

/**
 * Notifies people about their account through every configured channel. Notices have no addresses: each channel is a system of
 * the firm, which knows how to reach its people.
 */
export interface Notices {
  /**
   * Stores a notice durably, once for each `id`. Every channel then sends it at least once, and each outcome is recorded. Record
   * the event first, unless people must know before anybody can use its effect (docs/adr/0057).
   */
  notify(notice: {
    readonly id: NoticeId;
    readonly to: PrincipalId | { readonly role: string; readonly institution: string };
    readonly kind: NoticeKind;
    /** What happened and what to do, in plain words; no secret, and no link that triggers an action. */
    readonly text: string;
    readonly facts?: Readonly<Record<string, string>>;
  }): Promise<void>;
}
