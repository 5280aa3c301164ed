import { type EventClassName, otherActivity } from './event-classes.ts';

export type EventKind = readonly [EventClassName, number];

const create = 1;
const read = 2;
const update = 3;
const remove = 4;

const kinds: Readonly<Record<string, EventKind>> = {
  'session.started': ['authentication', 1],
  'session.refused': ['authentication', 1],
  'session.ended': ['authentication', 2],
  'session.logout-notified': ['authentication', 2],
  'identity.accepted': ['authentication', 1],
  'identity.refused': ['authentication', 1],
  'client.refused': ['authentication', 1],
  'token.issued': ['authentication', 3],
  'token.refused': ['authentication', 3],
  'token.exchanged': ['authentication', 4],
  'authorization.granted': ['authorizeSession', 1],
  'consent.given': ['userAccess', 1],
  'consent.denied': ['userAccess', 1],
  'grant.changed': ['userAccess', 1],
  'grant.revoked': ['userAccess', 2],
  'client.registered': ['accountChange', create],
  'directory.departure': ['accountChange', 5],
  'directory.departure-completed': ['accountChange', otherActivity],
  'directory.applied': ['entityManagement', update],
  'directory.committed': ['entityManagement', otherActivity],
  'directory.change-proposed': ['entityManagement', otherActivity],
  'directory.change-approved': ['entityManagement', otherActivity],
  'directory.change-rejected': ['entityManagement', otherActivity],
  'partner.profile-registered': ['entityManagement', create],
  'partner.key-bound': ['entityManagement', create],
  'partner.key-refused': ['entityManagement', update],
  'policy.proposed': ['entityManagement', otherActivity],
  'policy.published': ['entityManagement', update],
  'policy.rejected': ['entityManagement', otherActivity],
  'policy.refused': ['entityManagement', update],
  'mandate.proposed': ['entityManagement', create],
  'mandate.accepted': ['entityManagement', update],
  'mandate.consented': ['entityManagement', update],
  'mandate.suspended': ['entityManagement', update],
  'mandate.resumed': ['entityManagement', update],
  'mandate.revoked': ['entityManagement', remove],
  'mandate.amendment-proposed': ['entityManagement', otherActivity],
  'mandate.amendment-withdrawn': ['entityManagement', otherActivity],
  'mandate.amended': ['entityManagement', update],
  'mandate.expired': ['entityManagement', remove],
  'mandate.expiring': ['entityManagement', otherActivity],
  'mandate.refused': ['entityManagement', update],
  'key.published': ['entityManagement', create],
  'key.withdrawn': ['entityManagement', remove],
  'retention.changed': ['entityManagement', update],
  'hold.placed': ['entityManagement', create],
  'hold.released': ['entityManagement', remove],
  'event.subscribed': ['entityManagement', create],
  'event.unsubscribed': ['entityManagement', remove],
  'transaction.opened': ['apiActivity', create],
  'transaction.transitioned': ['apiActivity', update],
  'transaction.refused': ['apiActivity', update],
  'approval.given': ['apiActivity', create],
  'approval.refused': ['apiActivity', create],
  'approval.withdrawn': ['apiActivity', remove],
  'envelope.issued': ['apiActivity', create],
  'token.introspected': ['apiActivity', read],
  'token.revoked': ['apiActivity', remove],
  'decision.searched': ['apiActivity', read],
  'evidence.read': ['apiActivity', read],
  'evidence.exported': ['apiActivity', read],
  'authorization.pushed': ['apiActivity', create],
  'erasure.completed': ['apiActivity', remove],
};

const ofTheLog = /^(?:log|source|clock)\./;

/** @param type unknown types are events too */
export function eventKindOf(type: string): EventKind {
  if (Object.hasOwn(kinds, type)) return kinds[type] ?? ['apiActivity', otherActivity];
  return ofTheLog.test(type) ? ['base', otherActivity] : ['apiActivity', otherActivity];
}
