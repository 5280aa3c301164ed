import type { AuditLog } from '@countersign/contracts';
import { canonicalize, type Json, toInstant } from '@countersign/kernel';
import { memberOf } from '../history/json-members.ts';
import type { StoredCandidate } from './candidate-store.ts';

/**
 * Whether the log knows of exactly this proposal. Its digest has no key in it, so whoever can write to the database could
 * make one up in somebody else's name and approve it: one person instead of two.
 */
export async function wasProposed(candidate: StoredCandidate, audit: Pick<AuditLog, 'find'>): Promise<boolean> {
  const record = (await audit.find(candidate.recordId))?.record;
  if (record?.type !== 'policy.proposed' || record.source !== 'policy-engine') return false;
  const { data } = record;
  const [tests, simulation] = [memberOf(data, 'tests'), memberOf(data, 'simulation')];
  const flips = Number(memberOf(simulation, 'permit_to_deny')) + Number(memberOf(simulation, 'deny_to_permit'));
  // A record of the release before does not tell what was skipped.
  const skipped = memberOf(simulation, 'skipped') ?? {};
  return (
    record.subject?.id === candidate.proposedBy &&
    canonicalize((record.actors ?? []).map(({ id }) => id)) === canonicalize(candidate.through) &&
    memberOf(data, 'candidate') === candidate.id &&
    memberOf(data, 'digest') === candidate.digest &&
    memberOf(data, 'expires_at') === toInstant(candidate.expiresAt.getTime()) &&
    // What the digest does not cover and the approver is shown.
    memberOf(tests, 'passed') === candidate.testsPassed &&
    memberOf(tests, 'untested') === candidate.untested.length &&
    memberOf(simulation, 'decisions') === candidate.decisions &&
    flips === candidate.flips &&
    canonicalize(skipped as Json) === canonicalize(candidate.skipped)
  );
}
