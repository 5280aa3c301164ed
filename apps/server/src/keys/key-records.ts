import {
  type Actor,
  type AuditAppender,
  type AuditLog,
  appendOnce,
  type Claim,
  createStandingCheck,
  ended,
  type Requester,
  recordedRequester,
  recordIdOfCommand,
  type StandingReader,
  standing,
} from '@countersign/contracts';
import { type Clock, digestOf, newId, type Random, type RecordId, toInstant } from '@countersign/kernel';
import type { KeyRow, KeyringKey, KeyStanding } from '@countersign/runtime';

/** Records about the product's signing keys, written before a key is published or ends. */
export interface KeyRecords {
  published(successor: KeyringKey, by: Requester): Promise<void>;
  /** A key is withdrawn once. A node that completes an interrupted withdrawal records only its own successor. */
  withdrawn(withdrawn: KeyringKey, successor: KeyringKey, by: Requester, reason?: string): Promise<void>;
  /**
   * Records a refusal: the caller is not authorised, or the key does not exist. @param about purpose, and kid if there is one
   */
  refused(
    code: string,
    operation: 'key:rotate' | 'key:revoke',
    about: string | undefined,
    by: Requester,
  ): Promise<void>;
  /** Records, once a day, that a key refuses to sign because of its age. */
  overAge(key: KeyringKey, by: Requester): Promise<void>;
  /** The state of stored keys according to these records, by kid. @throws CodedError `log_unavailable` */
  prove(keys: readonly KeyRow[]): Promise<ReadonlyMap<string, KeyStanding>>;
}

const keyThing = (kid: string): string => `signing-key:${kid}`;

/** The kid is the thumbprint of the key, and the encrypted key can be decrypted only for this purpose and kid. */
function keyClaim({ kid, purpose, generation, algorithm, publishedAt, activeFrom, withdraws }: KeyRow): Claim {
  return {
    of: keyThing(kid),
    content: {
      ...{ purpose, generation, algorithm },
      published_at: publishedAt,
      active_from: activeFrom,
      withdraws: withdraws ?? null,
    },
  };
}

const mostAtOnce = 1_000;

export function createKeyRecords(dependencies: {
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  readonly clock: Clock;
  readonly random: Random;
}): KeyRecords {
  const { audit } = dependencies;
  const source = 'authorization-server' as const;
  const common = { source, outcome: 'done' } as const;
  /** Day of the newest record, by kid. */
  const refusedToday = new Map<string, string>();
  const standings = createStandingCheck({ ...dependencies, log: audit, source });

  async function published(key: KeyringKey, by: Requester): Promise<RecordId> {
    const { purpose, kid, algorithm, jwk, place } = key;
    const { of, content } = keyClaim(key);
    const id = recordIdOfCommand({ published: kid });
    const data = {
      purpose,
      kid,
      algorithm,
      jwk: { ...jwk },
      ...(place.driver === 'software' ? {} : { custody: place }),
    };
    const actors = doersOf(by);
    await appendOnce(audit, { ...common, id, type: 'key.published', actors, standing: [standing(of, content)], data });
    return id;
  }

  return {
    async published(successor, by) {
      await published(successor, by);
    },
    async withdrawn({ purpose, kid }, successor, by, reason) {
      const publication = await published(successor, by);
      await appendOnce(audit, {
        ...common,
        id: recordIdOfCommand({ withdrawn: kid }),
        type: 'key.withdrawn',
        actors: doersOf(by),
        references: [publication],
        standing: [ended(keyThing(kid))],
        data: { purpose, kid, successor: successor.kid, ...(reason === undefined ? {} : { reason }) },
      });
    },
    async refused(code, operation, about, by) {
      await audit.append({
        ...{ id: newId('record', dependencies), type: 'access.refused', source, outcome: 'deny', reason: code },
        ...recordedRequester(by),
        data: { operation, ...(about === undefined ? {} : { about }) },
      });
    },
    async overAge({ purpose, kid }, by) {
      const day = toInstant(dependencies.clock.now()).slice(0, 10);
      if (refusedToday.get(kid) === day) return;
      await appendOnce(audit, {
        ...{ id: recordIdOfCommand({ overAge: kid, day }), type: 'access.refused', source, outcome: 'deny' },
        reason: 'signing_key_over_age',
        ...recordedRequester(by),
        data: { operation: 'key:sign', about: `${purpose} ${kid}` },
      });
      if (refusedToday.size >= mostAtOnce) refusedToday.clear();
      refusedToday.set(kid, day);
    },
    async prove(keys) {
      const found = new Map<string, KeyStanding>();
      for (let start = 0; start < keys.length; start += mostAtOnce) {
        const claims = keys.slice(start, start + mostAtOnce).map((key) => [key.kid, keyClaim(key)] as const);
        const newest = await audit.standings(claims.map(([, { of }]) => of));
        for (const [kid, claim] of claims) {
          const recorded = newest.get(claim.of);
          if (recorded !== undefined && recorded.digest === undefined) found.set(kid, 'withdrawn');
          else if (recorded?.digest === digestOf(claim.content)) found.set(kid, 'stands');
          // Checks again, because this check records the difference.
          else found.set(kid, (await standings.holds(claim)) ? 'stands' : 'unproven');
        }
      }
      return found;
    },
  };
}

/** The current actor first, then the actors on whose behalf it acts. */
function doersOf(by: Requester): readonly Actor[] {
  const { subject, actors = [] } = recordedRequester(by);
  return [subject, ...actors];
}
