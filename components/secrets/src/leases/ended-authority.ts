import type { EvidenceRecord, LeaseEnding, RecordType, RevocationTarget } from '@countersign/contracts';
import { type Digest, epochSeconds, type Json, listOf, membersOf, parseId } from '@countersign/kernel';
import {
  clockLeadSeconds,
  isRevoked,
  maxAccessTokenLifetimeSeconds,
  type RevocableClaims,
  revocationKey,
} from '@countersign/oauth';
import { longestLeaseSeconds } from '../definitions.ts';
import type { SecretsDependencies } from '../dependencies.ts';

/** Records that end authority: those that the authorization server follows for tokens, and the suspension of a workload. */
const endingTypes = [
  'token.revoked',
  'grant.revoked',
  'mandate.revoked',
  'mandate.suspended',
  'mandate.amended',
  'mandate.expired',
  'directory.applied',
  'directory.departure',
  'workload.suspended',
] as const satisfies readonly RecordType[];

const pageSize = 1_000;

type EndedTarget = RevocationTarget & {
  /** Whether it ends because a principal left. */
  readonly departs?: boolean;
};

/** What revocations, departures and changes of the directory have ended, read from the log. */
export interface EndedAuthority {
  /**
   * Reads everything that was in the log before the call.
   * @returns the new revocation keys
   */
  readOn(): Promise<readonly Digest[]>;
  /** How the authority of these claims has ended, as far as the log has been read; undefined while it has not. */
  endingOf(claims: RevocableClaims): Extract<LeaseEnding, 'departed' | 'authority-ended'> | undefined;
}

/**
 * Follows the log, starting before the oldest lease that can be active. The state is in memory, so a stored position
 * can never make this process miss a revocation.
 */
export function createEndedAuthority({
  audit,
  directory,
  consentStore,
  clock,
}: Pick<SecretsDependencies, 'audit' | 'directory' | 'consentStore' | 'clock'>): EndedAuthority {
  const ended = new Map<Digest, number>();
  const departed = new Map<Digest, number>();
  const from = clock.now() - (longestLeaseSeconds + 3_600) * 1_000;
  let position: bigint | undefined;

  async function targetsOf(record: EvidenceRecord): Promise<readonly EndedTarget[]> {
    const data = membersOf(record.data) ?? {};
    switch (record.type) {
      case 'token.revoked': {
        const { kind, id } = data;
        return typeof id === 'string' && isTargetKind(kind) ? withSoftware([{ kind, id }]) : [];
      }
      case 'grant.revoked':
        return typeof data['grant'] === 'string' ? [{ kind: 'grant', id: data['grant'] }] : [];
      case 'mandate.revoked':
      case 'mandate.suspended':
      case 'mandate.amended':
      case 'mandate.expired': {
        const id = parseId('mandate', record.mandate?.id);
        const ids = id === undefined ? [] : await consentStore.withDescendants(id);
        return ids.map((each) => ({ kind: 'mandate', id: each }) as const);
      }
      case 'directory.departure':
        return typeof data['principal'] === 'string'
          ? [{ kind: 'principal', id: data['principal'], departs: data['kind'] === 'leave' }]
          : [];
      // The kill switch of a workload. Its holder may ask again once two people have approved the entry.
      case 'workload.suspended':
        return typeof data['holder'] === 'string' ? [{ kind: 'principal', id: data['holder'] }] : [];
      case 'directory.applied':
        return removedBy(record);
      default:
        return [];
    }
  }

  /** People and software that the change removed, and institutions whose registration has lapsed. */
  async function removedBy(record: EvidenceRecord): Promise<readonly EndedTarget[]> {
    const changes: Json | undefined = membersOf(record.data)?.['changes'];
    const changed = listOf(changes, membersOf) ?? [];
    const targets: EndedTarget[] = [];
    for (const { change, kind, id } of changed) {
      if (typeof id !== 'string' || change === 'add') continue;
      if (kind === 'institution') {
        const snapshot = await directory.snapshotAtLeast(0);
        if (snapshot.institution(id)?.leiStatus !== 'ISSUED') targets.push({ kind: 'partner', id });
      } else if (change === 'remove' && kind === 'client') targets.push({ kind: 'client', id });
      else if (change === 'remove') targets.push({ kind: 'principal', id, departs: true });
    }
    return withSoftware(targets);
  }

  /** The software of a revoked institution may act in tokens of other institutions. */
  async function withSoftware(targets: readonly EndedTarget[]): Promise<readonly EndedTarget[]> {
    const partners = new Set(targets.filter(({ kind }) => kind === 'partner').map(({ id }) => id));
    if (partners.size === 0) return targets;
    const snapshot = await directory.snapshotAtLeast(0);
    const software = [...snapshot.principals()].filter(
      ({ kind, institution }) => kind !== 'person' && partners.has(institution),
    );
    return [...targets, ...software.map(({ id }) => ({ kind: 'principal', id }) as const)];
  }

  return {
    async readOn() {
      const found = new Set<Digest>();
      for (;;) {
        const page = await audit.scan({
          types: endingTypes,
          from,
          ...(position === undefined ? {} : { after: position }),
          limit: pageSize,
        });
        for (const { index, text } of page) {
          // The log's own record.
          const record = JSON.parse(text) as EvidenceRecord;
          const at = epochSeconds(Date.parse(record.time));
          for (const target of await targetsOf(record)) {
            const isFinal = target.kind === 'token' || target.kind === 'grant';
            const key = revocationKey(target);
            const before = at + (isFinal ? maxAccessTokenLifetimeSeconds : clockLeadSeconds);
            ended.set(key, Math.max(before, ended.get(key) ?? before));
            if (target.departs === true) departed.set(key, Math.max(before, departed.get(key) ?? before));
            found.add(key);
          }
          position = index;
        }
        if (page.length < pageSize) return [...found];
      }
    },
    endingOf(claims) {
      if (isRevoked(departed, claims)) return 'departed';
      return isRevoked(ended, claims) ? 'authority-ended' : undefined;
    },
  };
}

function isTargetKind(value: unknown): value is RevocationTarget['kind'] {
  return ['token', 'grant', 'mandate', 'client', 'principal', 'partner'].some((kind) => kind === value);
}
