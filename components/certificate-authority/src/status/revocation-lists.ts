import {
  certificateAuthorityErrors,
  type RevocationReason,
  recordIdOfCommand,
  revocationReasons,
  standing,
} from '@countersign/contracts';
import { parseInstant, sha256Base64Url, toInstant } from '@countersign/kernel';
import { takeNamedLock, transaction } from '@countersign/runtime';
import type { Authorities, LiveAuthority } from '../authorities.ts';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { buildList } from '../forms.ts';
import { listedCertificates } from '../issuance/certificate-commands.ts';
import { shardCount } from '../shards.ts';
import { findList, keepList, type Session, type StoredList } from '../store.ts';

/** A list is valid for a day and signed again every hour, so that verifiers survive an outage of some hours. */
const listLifeMs = 86_400_000;
const listAgeMs = 3_600_000;

export interface RevocationLists {
  /**
   * The current list of a shard, DER.
   * @throws CodedError `authority_unknown`
   */
  list(authority: string, shard: number): Promise<StoredList>;
  /** Signs every list that is older than an hour or has a new revocation. */
  renew(): Promise<void>;
}

interface Entry {
  readonly serial: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: RevocationReason;
}

/**
 * Log entry of the newest list of a shard. A stored list counts only if it agrees, so an older list cannot be restored.
 */
const listThing = (authority: string, shard: number): string => `certificate-list:${authority}/${shard}`;

export function createRevocationLists(
  dependencies: Pick<CertificateAuthorityDependencies, 'pool' | 'audit' | 'clock' | 'issuer'> & {
    readonly authorities: Authorities;
  },
): RevocationLists {
  const { pool, audit, clock, issuer, authorities } = dependencies;

  /** Revoked certificates of a shard, from the log alone: changed rows cannot remove one. */
  async function entriesOf({ id }: LiveAuthority, shard: number): Promise<readonly Entry[]> {
    const prefix = listedCertificates(id, shard);
    const entries: Entry[] = [];
    let after: string | undefined;
    do {
      const page = await audit.standingsUnder(prefix, { after, limit: 1_000 });
      for (const { of, record } of page.things) {
        const found = await audit.find(record);
        const entry = found === undefined ? undefined : readEntry(of.slice(prefix.length), found.record.data);
        if (entry === undefined)
          throw certificateAuthorityErrors.error(
            'authority_unavailable',
            'The record of a revocation cannot be read, so the list cannot be signed.',
          );
        entries.push(entry);
      }
      after = page.next;
    } while (after !== undefined);
    return entries;
  }

  const contentOf = (number: bigint, list: Uint8Array) => ({
    number: number.toString(),
    digest: sha256Base64Url(list),
  });

  /** The stored list, if its newest record confirms it. */
  async function confirmed(authority: string, shard: number, session: Session = pool): Promise<StoredList | undefined> {
    const stored = await findList(session, authority, shard);
    if (stored === undefined) return undefined;
    const of = listThing(authority, shard);
    const newest = (await audit.standings([of])).get(of);
    return newest?.digest === standing(of, contentOf(stored.number, stored.list)).digest ? stored : undefined;
  }

  /** Signs a list; one node at a time for each shard. */
  async function sign(authority: LiveAuthority, shard: number, revokedUpTo: bigint): Promise<StoredList> {
    return transaction(pool, async (session) => {
      await takeNamedLock(session, `list ${shard}`);
      const present = await confirmed(authority.id, shard, session);
      const now = clock.now();
      if (present !== undefined && !isDue(present, now, revokedUpTo)) return present;
      // The number grows with the log. It also grows with each list, because every list has a record.
      const number = (await audit.newest(['certificate.revoked', 'certificate.list-signed'])) + 1n;
      const entries = await entriesOf(authority, shard);
      const thisUpdate = Math.floor(now / 1_000) * 1_000;
      const nextUpdate = thisUpdate + listLifeMs;
      const list = await buildList({
        issuer: authority.certificate,
        distributionPoint: `${issuer}/pki/lists/${authority.id}/${shard}.crl`,
        ...{ number, entries, thisUpdate, nextUpdate },
        sign: (octets) => authorities.sign(authority, octets),
      });
      const of = listThing(authority.id, shard);
      await audit.append({
        id: recordIdOfCommand({ list: sha256Base64Url(list) }),
        type: 'certificate.list-signed',
        source: 'certificate-authority',
        outcome: 'done',
        standing: [standing(of, contentOf(number, list))],
        data: {
          ...{ authority: authority.id, shard, number: number.toString(), entries: entries.length },
          digest: sha256Base64Url(list),
          this_update: toInstant(thisUpdate),
          next_update: toInstant(nextUpdate),
        },
      });
      const made = { number, list, nextUpdate };
      await keepList(session, { authority: authority.id, shard, ...made });
      return made;
    });
  }

  return {
    async list(id, shard) {
      const authority = (await authorities.all()).find((one) => one.id === id);
      if (authority === undefined || !Number.isInteger(shard) || shard < 0 || shard >= shardCount)
        throw certificateAuthorityErrors.error('authority_unknown', 'There is no such revocation list.');
      const present = await confirmed(id, shard);
      if (present !== undefined && clock.now() < present.nextUpdate) return present;
      return sign(authority, shard, -1n);
    },
    async renew() {
      const all = await authorities.all();
      if (all.length === 0) return;
      const revokedUpTo = await audit.newest(['certificate.revoked']);
      const now = clock.now();
      for (const authority of all)
        for (let shard = 0; shard < shardCount; shard++) {
          const present = await confirmed(authority.id, shard);
          if (present === undefined || isDue(present, now, revokedUpTo)) await sign(authority, shard, revokedUpTo);
        }
    },
  };
}

/**
 * @param revokedUpTo index of the newest revocation in the log; a list with a lower number may lack it
 */
function isDue({ number, nextUpdate }: StoredList, now: number, revokedUpTo: bigint): boolean {
  return number <= revokedUpTo || now >= nextUpdate - listLifeMs + listAgeMs;
}

function readEntry(serial: string, data: unknown): Entry | undefined {
  // Each member is checked below.
  const { after } = (data ?? {}) as { readonly after?: { readonly [name: string]: unknown } };
  const at = parseInstant(String(after?.['revoked_at']));
  const reason = revocationReasons.find((known) => known === after?.['revocation_reason']);
  return at === undefined || reason === undefined || after?.['serial'] !== serial ? undefined : { serial, at, reason };
}
