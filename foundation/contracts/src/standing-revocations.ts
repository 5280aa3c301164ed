import { defined, errorVocabulary, type RecordId } from '@countersign/kernel';
import type { RevocationTarget } from './authorization-server.ts';
import type { StandingLister, StandingReader } from './standing.ts';

/**
 * Targets whose revocation stands until it is lifted: no new token, and no step in a transaction. A token and a grant end
 * for good, so nothing about them can be lifted.
 */
export const standingRevocationKinds = ['mandate', 'client', 'principal', 'partner'] as const;
export type StandingRevocationKind = (typeof standingRevocationKinds)[number];
export interface StandingRevocationTarget {
  readonly kind: StandingRevocationKind;
  readonly id: string;
}

/** By whom it was revoked. An institution does not lift what the operator has revoked. */
export const revokingParties = ['operator', 'institution'] as const;
export type RevokingParty = (typeof revokingParties)[number];

export const revocationErrors = errorVocabulary({
  /** There is no such token, grant, mandate, client, principal or institution, or it is not the caller's to end. */
  revocation_target_unknown: 'not-found',
  /** There is no such revocation, or it is not the caller's to lift. */
  revocation_unknown: 'not-found',
  /** It was lifted, or replaced by a newer one. */
  revocation_not_standing: 'conflict',
  /** Lifting needs another principal than the one that revoked, with nobody of its acting chain. */
  revocation_same_principal: 'forbidden',
  /** Who revoked and who lifts are not surely two people: one invited the other to enrol a key. */
  revocation_not_independent: 'forbidden',
  /** What ends for good is not lifted. */
  revocation_final: 'conflict',
  /** The operator's own institution: nobody could lift it. */
  revocation_locks_out: 'conflict',
});

export function isStandingRevocationKind(kind: RevocationTarget['kind']): kind is StandingRevocationKind {
  return standingRevocationKinds.some((each) => each === kind);
}

/** The name of a revocation in the log's account of how things stand. */
export function revocationSubject({ kind, id }: StandingRevocationTarget, party: RevokingParty): string {
  return `revocation:${party}:${kind}:${id}`;
}

/** Everybody and everything that an act rests on. */
export interface RevocableParties {
  /** Subject and actors, by principal id. */
  readonly principals: readonly string[];
  readonly clients: readonly string[];
  /** By LEI: those they act for and those they belong to. */
  readonly institutions: readonly string[];
  readonly mandates: readonly string[];
}

/**
 * The first of them that is revoked and not lifted; undefined where none is. Asks the log itself, so the answer is the same
 * on every node, at once and after a restart.
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

/** A revocation that stands, with the record that placed it. */
export interface StandingRevocation extends StandingRevocationTarget {
  readonly party: RevokingParty;
  readonly record: RecordId;
}

const subjectPattern = new RegExp(
  `^revocation:(${revokingParties.join('|')}):(${standingRevocationKinds.join('|')}):(.+)$`,
);

/**
 * Revocations that stand, by party, kind and id.
 *
 * @returns `next`: what to go on behind, where there may be more
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

/** What a refusal says of it, in the words of every interface. */
export function revocationDetail({
  kind,
  id,
  record,
}: StandingRevocationTarget & { readonly record: RecordId }): string {
  const what = kind === 'partner' ? 'institution' : kind;
  return `The ${what} ${id} is revoked (${record}). Ask whoever revoked it to have the revocation lifted.`;
}
