import { defined, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { RevocationTarget } from './authorization-server.ts';
import type { StandingLister, StandingReader } from './standing.ts';

/**
 * Targets whose revocation lasts until it is lifted: no new token and no step in a transaction. Tokens and grants end for good,
 * so their revocation cannot be lifted.
 */
export const standingRevocationKinds = ['mandate', 'client', 'principal', 'partner'] as const;
export type StandingRevocationKind = (typeof standingRevocationKinds)[number];
export interface StandingRevocationTarget {
  readonly kind: StandingRevocationKind;
  readonly id: string;
}

/** Who revoked. An institution cannot lift a revocation by the operator. */
export const revokingParties = ['operator', 'institution'] as const;
export type RevokingParty = (typeof revokingParties)[number];

export const revocationErrors = errorVocabulary({
  /** The target does not exist, or the caller may not revoke it. */
  revocation_target_unknown: 'not-found',
  /** The revocation does not exist, or the caller may not lift it. */
  revocation_unknown: 'not-found',
  /** Already lifted or replaced by a newer revocation. */
  revocation_not_standing: 'conflict',
  /** The principal that revoked, or somebody of its acting chain, cannot lift the revocation. */
  revocation_same_principal: 'forbidden',
  /** The person who lifts is not independent of the person who revoked: one invited the other to enrol a key. */
  revocation_not_independent: 'forbidden',
  /** Revocations of tokens and grants are final. */
  revocation_final: 'conflict',
  /** Revoking the operator's own institution would leave nobody to lift it. */
  revocation_locks_out: 'conflict',
});

export function isStandingRevocationKind(kind: RevocationTarget['kind']): kind is StandingRevocationKind {
  return standingRevocationKinds.some((each) => each === kind);
}

/** The name of a revocation's standing in the log. */
export function revocationSubject({ kind, id }: StandingRevocationTarget, party: RevokingParty): string {
  return `revocation:${party}:${kind}:${id}`;
}

/** Everybody and everything whose revocation stops an action. */
export interface RevocableParties {
  /** Subject and actors, by principal id. */
  readonly principals: readonly string[];
  readonly clients: readonly string[];
  /** LEIs of the institutions they act for and belong to. */
  readonly institutions: readonly string[];
  readonly mandates: readonly string[];
}

/**
 * The first target with a revocation that is in force; undefined when there is none. Reads the log, so all nodes give the same
 * answer immediately, also after a restart.
 *
 * @throws CodedError `log_unavailable`
 */
export async function standingRevocation(
  { principals, clients, institutions, mandates }: RevocableParties,
  log: StandingReader,
): Promise<(StandingRevocationTarget & { readonly record: RecordId }) | undefined> {
  const targets: readonly StandingRevocationTarget[] = [
    ...principals.map((id) => ({ kind: 'principal', id }) as const),
    ...clients.map((id) => ({ kind: 'client', id }) as const),
    ...institutions.map((id) => ({ kind: 'partner', id }) as const),
    ...mandates.map((id) => ({ kind: 'mandate', id }) as const),
  ];
  const asked = new Map(
    targets.flatMap((target) => revokingParties.map((party) => [revocationSubject(target, party), target] as const)),
  );
  const newest = await log.standings([...asked.keys()]);
  for (const [subject, target] of asked) {
    const found = newest.get(subject);
    if (found?.digest !== undefined) return { ...target, record: found.record };
  }
  return undefined;
}

export interface StandingRevocation extends StandingRevocationTarget {
  readonly party: RevokingParty;
  readonly record: RecordId;
}

const subjectPattern = new RegExp(
  `^revocation:(${revokingParties.join('|')}):(${standingRevocationKinds.join('|')}):(.+)$`,
);

/**
 * Revocations in force, ordered by party, kind and id.
 *
 * @returns `next`: pass it as `after` for the next page
 * @throws CodedError `log_unavailable`
 */
export async function standingRevocations(
  page: { readonly after?: string | undefined; readonly limit: number },
  log: StandingLister,
): Promise<{ readonly revocations: readonly StandingRevocation[]; readonly next?: string }> {
  const { things, next } = await log.standingsUnder('revocation:', page);
  const revocations = things.flatMap(({ of, record }): readonly StandingRevocation[] => {
    const [, named, kindNamed, id] = subjectPattern.exec(of) ?? [];
    const party = revokingParties.find((each) => each === named);
    const kind = standingRevocationKinds.find((each) => each === kindNamed);
    return party === undefined || kind === undefined || id === undefined ? [] : [{ party, kind, id, record }];
  });
  return { revocations, ...defined({ next }) };
}

/** The detail of a refusal, the same at every interface. */
export function revocationDetail({
  kind,
  id,
  record,
}: StandingRevocationTarget & { readonly record: RecordId }): string {
  const what = kind === 'partner' ? 'institution' : kind;
  return `The ${what} ${id} is revoked (${record}). Ask the party that placed the revocation to have it lifted.`;
}
