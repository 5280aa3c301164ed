import { type DualControl, statusAt, type WaitingProposal } from '@countersign/commands';
import {
  type Actor,
  type DirectoryChangeRequest,
  directoryErrors,
  peopleOf,
  type Requester,
} from '@countersign/contracts';
import { type CodedError, type Digest, defined, digestOf } from '@countersign/kernel';
import type { ChangeSet } from '../changes.ts';
import { keyOf } from '../entry.ts';
import type { State } from '../state.ts';
import type { RequestState, StoredRequest } from './store.ts';

export function statusOf(
  { status, expiresAt }: Pick<StoredRequest, 'status' | 'expiresAt'>,
  now: number,
): DirectoryChangeRequest['status'] {
  return statusAt(status, expiresAt.getTime(), now);
}

export function shown(
  request: Omit<RequestState, 'changesDigest' | 'recordId'> & Pick<StoredRequest, 'changes'>,
  now: number,
): DirectoryChangeRequest {
  const { id, proposedBy, decidedBy, proposedAt, expiresAt, reason, changes, digest } = request;
  return {
    id,
    status: statusOf(request, now),
    proposedBy,
    ...defined({ decidedBy: decidedBy ?? undefined }),
    proposedAt: proposedAt.toISOString(),
    expiresAt: expiresAt.toISOString(),
    reason,
    changes,
    digest,
  };
}

/** If an entity has been edited since, the same changes are a different plan. */
export function basisOf({ changes }: ChangeSet, { stored }: State): Digest {
  return digestOf(
    changes.map((change) => ({ ...change, before: stored.get(keyOf(change.kind, change.id))?.document ?? null })),
  );
}

export const changeApproval = {
  what: 'change',
  approves: 'digest',
  waitsMs: 24 * 3_600_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: {
    scopes: [['directory:apply', 'compliance:record', 'reference:record', 'partner:register'], ['directory:approve']],
  },
  codes: {
    settled: 'change_decided',
    expired: 'change_decided',
    self: 'change_self_approval',
    digest: 'directory_changed_meanwhile',
    dependent: 'change_not_independent',
    gone: 'directory_changed_meanwhile',
  },
  error: directoryErrors.error,
} as const satisfies DualControl<keyof typeof directoryErrors.codes>;

export function waiting(request: RequestState): WaitingProposal {
  const { scope, proposedAt, expiresAt, status, digest } = request;
  return {
    people: proposersOf(request),
    scope,
    proposedAt: proposedAt.getTime(),
    expiresAt: expiresAt.getTime(),
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}

export function proposersOf({ proposedBy, through }: Pick<StoredRequest, 'proposedBy' | 'through'>): readonly string[] {
  return peopleOf({ id: proposedBy, through });
}

export function actorOf({ id, institution }: Requester): Actor {
  return { id, ...defined({ institution }) };
}

export function outdated(): CodedError {
  return directoryErrors.error(
    'directory_changed_meanwhile',
    'The directory has changed, so the proposal would have a different effect. Propose the change again.',
  );
}

/** A proposal ends when its proposer loses the position or the right to make it. Otherwise the approver alone would decide. */
export function proposerDeparted(): CodedError {
  return directoryErrors.error(
    'directory_changed_meanwhile',
    'The proposer has left or moved since. Another person must propose the change again.',
  );
}

export function notFound(): CodedError {
  return directoryErrors.error('change_not_found', 'There is no proposed change with this id.');
}
