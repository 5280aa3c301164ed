import {
  type Actor,
  type AuditAppender,
  consentErrors,
  type MandateCopy,
  type MandateDrift,
} from '@countersign/contracts';
import { type Clock, digestOf, newId, parseDigest, parseId, plainJson, type Random } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import type { ComparableVersion, Store } from './store/store.ts';

const mostCopies = 10_000;
/** Differences listed in the record; it holds a digest of all of them. */
const mostRecorded = 100;
/** Largest integer of the database column. */
const mostVersions = 2_147_483_647;

/** Compares a partner's copies of its mandates with the register, and records the comparison. */
export async function compareCopies(
  dependencies: {
    readonly store: Store;
    readonly audit: AuditAppender;
    readonly clock: Clock;
    readonly random: Random;
  },
  institution: Lei,
  copies: readonly MandateCopy[],
  by: Actor,
  { complete = false }: { readonly complete?: boolean } = {},
): Promise<readonly MandateDrift[]> {
  const { store, audit } = dependencies;
  requireComparable(copies);
  const ours = new Map((await store.comparable(institution, copies)).map((version) => [version.id, version]));
  const missing = complete
    ? await store.missingAmong(
        institution,
        copies.map(({ id }) => id),
        mostCopies,
      )
    : [];
  const drifts = [
    ...copies.flatMap((copy) => driftOf(copy, ours.get(copy.id)) ?? []),
    ...missing.map((version): MandateDrift => ({ id: version.id, kind: 'missing-there', ours: shownOf(version) })),
  ];
  await audit.append({
    id: newId('record', dependencies),
    type: 'mandate.copy-compared',
    source: 'consent-store',
    outcome: 'done',
    subject: by,
    partner: institution,
    data: {
      institution,
      compared: copies.length,
      complete,
      counts: countsOf(drifts),
      drifts: plainJson(drifts.slice(0, mostRecorded)),
      drifts_digest: digestOf(drifts),
    },
  });
  return drifts;
}

function requireComparable(copies: readonly MandateCopy[]): void {
  if (copies.length > mostCopies)
    throw consentErrors.error('mandate_invalid', `At most ${mostCopies} copies can be compared at once.`);
  if (new Set(copies.map(({ id }) => id)).size < copies.length)
    throw consentErrors.error('mandate_invalid', 'copies: A mandate is named twice.', { facts: { field: 'copies' } });
  const odd = copies.find(({ version }) => !Number.isInteger(version) || version < 1 || version > mostVersions);
  if (odd !== undefined)
    throw consentErrors.error('mandate_invalid', 'copies: A version must be a whole number of at least 1.', {
      facts: { field: 'copies' },
    });
  // Differences are recorded permanently, so only ids and digests are accepted.
  if (copies.some(({ id, digest }) => parseId('mandate', id) === undefined || parseDigest(digest) === undefined))
    throw consentErrors.error(
      'mandate_invalid',
      'copies: Each copy needs a mandate id and a SHA-256 digest in base64url.',
      { facts: { field: 'copies' } },
    );
}

function driftOf({ id, version, digest }: MandateCopy, ours: ComparableVersion | undefined): MandateDrift | undefined {
  const theirs = { version, digest };
  if (ours === undefined) return { id, kind: 'unknown-here', theirs };
  if (ours.digestThen !== digest) return { id, kind: 'differs', theirs, ours: shownOf(ours) };
  return version === ours.version ? undefined : { id, kind: 'behind', theirs, ours: shownOf(ours) };
}

function shownOf({ version, digest, status }: ComparableVersion): NonNullable<MandateDrift['ours']> {
  return { version, digest, status };
}

function countsOf(drifts: readonly MandateDrift[]): { readonly [kind: string]: number } {
  const counts: Record<string, number> = {};
  for (const { kind } of drifts) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}
