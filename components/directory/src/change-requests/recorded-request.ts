import type { RecordedKind } from '@countersign/commands';
import {
  type ChangeId,
  type Clock,
  type Digest,
  defined,
  type Json,
  plainJson,
  type RecordId,
} from '@countersign/kernel';
import type { ChangeScope } from '../rules/index.ts';
import { findRequest, lockRequest, putRequest, type RequestState, type StoredRequest } from './store.ts';

// The content of a change request in records; rows are compared with it (docs/adr/0043, 0057).

export type RequestKind = RecordedKind<ChangeId, RequestState, StoredRequest>;

export const keptMs = 90 * 24 * 3_600_000;

export function createRequestKind(clock: Clock): RequestKind {
  return {
    kind: 'directory-change',
    find: findRequest,
    lock: lockRequest,
    recordOf: ({ changeRecord }) => changeRecord,
    content: contentOf,
    stateOf,
    forgets: ({ expiresAt }) => expiresAt.getTime() + keptMs <= clock.now(),
    put: putRequest,
  };
}

/** `digest` covers the proposal; `basis` covers its effect at that time. */
interface Content {
  readonly proposed_by: string;
  readonly through: readonly string[];
  readonly scope: ChangeScope;
  readonly proposed_at: number;
  readonly expires_at: number;
  readonly reason: string;
  readonly changes: Digest;
  readonly basis: Digest;
  readonly digest: Digest;
  readonly record: RecordId;
  readonly status?: 'approved' | 'rejected';
  readonly decided_by?: string;
}

function contentOf(state: RequestState): Json {
  const { status, decidedBy } = state;
  const content: Content = {
    proposed_by: state.proposedBy,
    through: [...state.through],
    scope: state.scope,
    proposed_at: state.proposedAt.getTime(),
    expires_at: state.expiresAt.getTime(),
    reason: state.reason,
    changes: state.changesDigest,
    basis: state.basis,
    digest: state.digest,
    record: state.recordId,
    ...(status === 'proposed' ? {} : { status }),
    ...defined({ decided_by: decidedBy ?? undefined }),
  };
  return plainJson(content);
}

function stateOf(carried: Json, id: ChangeId): RequestState {
  // A record of our own, whose digest agrees with the newest in the log.
  const content = carried as unknown as Content;
  return {
    id,
    status: content.status ?? 'proposed',
    proposedBy: content.proposed_by,
    through: content.through,
    scope: content.scope,
    decidedBy: content.decided_by ?? null,
    proposedAt: new Date(content.proposed_at),
    expiresAt: new Date(content.expires_at),
    reason: content.reason,
    changesDigest: content.changes,
    basis: content.basis,
    digest: content.digest,
    recordId: content.record,
  };
}
