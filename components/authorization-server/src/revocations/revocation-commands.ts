import {
  createSecondPerson,
  type DualControl,
  type LoggedCommand,
  type LoggedKind,
  type SecondPersonDependencies,
} from '@countersign/commands';
import {
  type Actor,
  ended,
  type GrantsOf,
  grantsThing,
  isStandingRevocationKind,
  peopleOf,
  type RecordDraft,
  type Requester,
  type RevocationTarget,
  type RevokingParty,
  recordedRequester,
  revocationErrors,
  revocationSubject,
  type StandingReader,
  type StandingRecord,
  type StandingRevocationTarget,
} from '@countersign/contracts';
import { type Clock, type CodedError, newId, type Random, type RecordId } from '@countersign/kernel';
import { revocationKey } from '@countersign/oauth';
import { lockRevocations } from './store.ts';

/** Lifted by another principal, who names its record. */
export const revocationLift = {
  what: 'revocation',
  approves: 'id',
  waitsMs: 'until-decided',
  quorum: 1,
  proposer: 'may-leave',
  separates: { scopes: [['token:revoke'], ['revocation:lift']] },
  codes: {
    settled: 'revocation_not_standing',
    self: 'revocation_same_principal',
    dependent: 'revocation_not_independent',
  },
  error: revocationErrors.error,
  words: {
    self: 'A principal that took part in the revocation cannot lift it. Ask another principal that holds revocation:lift.',
    dependent:
      'You or the principal that revoked it invited the other one to enrol a key. Ask another principal to lift it.',
  },
} as const satisfies DualControl<keyof typeof revocationErrors.codes>;

/** An unknown target is identified by its digest. */
type RevocationId = `${RevokingParty}:${RevocationTarget['kind']}:${string}`;

export interface Placing {
  readonly target: RevocationTarget;
  readonly party: RevokingParty;
  readonly reason: string;
  readonly by: Requester;
  /** Determined before the command, because it may search the log. */
  readonly isKnown: boolean;
  readonly mayEnd: boolean;
}

export interface Placed {
  readonly target: RevocationTarget;
  /** Undefined if it does not block new tokens. */
  readonly party: RevokingParty | undefined;
  /** The principal, then its actors. */
  readonly revokers: readonly string[];
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export interface Lifting {
  readonly revocation: RecordId;
  /** Undefined if there is none that the caller may see. */
  readonly placed: Placed | undefined;
  readonly reason: string;
  readonly by: Requester;
}

type RevocationCommand<Ask, Facts> = LoggedCommand<Ask, RevocationId, undefined, Facts, RecordId>;

/** The log is the only state. */
export function createRevocationCommands(
  dependencies: Pick<SecondPersonDependencies, 'independence'> & {
    readonly log: StandingReader;
    readonly clock: Clock;
    readonly random: Random;
  },
) {
  const { log } = dependencies;
  const second = createSecondPerson(revocationLift, dependencies);
  // One at a time on all nodes, so that a newer revocation is not lifted.
  const kind = {
    kind: 'revocation',
    lock: lockRevocations,
    read: async () => undefined,
  } satisfies LoggedKind<RevocationId, undefined>;
  const usual = {
    kind,
    done: () => undefined,
    after: async () => undefined,
    release: (_: unknown, id: RecordId) => id,
  };

  const refusal = (
    error: CodedError,
    by: Requester,
    data: { readonly operation: 'token:revoke' | 'revocation:lift'; readonly about: string },
  ): RecordDraft | undefined =>
    error.category === 'unavailable'
      ? undefined
      : {
          id: newId('record', dependencies),
          type: 'access.refused',
          source: 'authorization-server',
          outcome: 'deny',
          reason: error.code,
          ...recordedRequester(by),
          data: { ...data },
        };

  const place: RevocationCommand<Placing, undefined> = {
    ...usual,
    about: ({ target, party, isKnown }) => idOf(target, party, isKnown),
    facts: async () => undefined,
    async check({ ask: { target, party, by, isKnown, mayEnd } }) {
      // One answer for a missing target and for one of another party.
      if (!isKnown || !mayEnd)
        throw revocationErrors.error(
          'revocation_target_unknown',
          'Your institution cannot revoke a target of this kind and id. Check the kind and the id.',
        );
      if (target.kind === 'partner' && party === 'operator' && target.id === by.institution)
        throw revocationErrors.error(
          'revocation_locks_out',
          'This is the institution of the operator, so nobody could lift the revocation. Revoke its clients and principals individually.',
        );
    },
    record: ({ ask: { target, party, by, reason } }) => revocationSaying(target, by, reason, party),
    ends: false,
    refused: (error, { ask: { target, by, isKnown } }) =>
      refusal(error, by, {
        operation: 'token:revoke',
        about: `${target.kind}:${isKnown ? target.id : revocationKey(target)}`,
      }),
  };

  const lift: RevocationCommand<Lifting, { readonly newest: StandingRecord | undefined }> = {
    ...usual,
    about: ({ revocation, placed }) =>
      placed === undefined ? `operator:token:${revocation}` : idOf(placed.target, placed.party ?? 'operator', true),
    async facts(_session, { ask: { placed } }) {
      if (placed?.party === undefined || !isStanding(placed.target)) return { newest: undefined };
      const subject = revocationSubject(placed.target, placed.party);
      return { newest: (await log.standings([subject])).get(subject) };
    },
    async check({ ask: { revocation, placed, by }, facts: { newest } }) {
      if (placed === undefined)
        throw revocationErrors.error(
          'revocation_unknown',
          'There is no such revocation that you can lift. Name the record id from the response to the revocation.',
        );
      if (placed.party === undefined || !isStanding(placed.target))
        throw revocationErrors.error(
          'revocation_final',
          'This revocation does not block new tokens, so there is nothing to lift.',
        );
      if (newest?.digest !== undefined && newest.record !== revocation)
        throw revocationErrors.error(
          'revocation_not_standing',
          `It has been repeated. The current revocation is ${newest.record}.`,
        );
      const refused = await second.refusalOf(
        {
          people: placed.revokers,
          proposedAt: placed.at,
          decided: newest?.digest === undefined ? 'lifted' : undefined,
        },
        { people: peopleOf(by) },
      );
      if (refused !== undefined) throw refused;
    },
    record: ({ ask: { revocation, placed, by, reason } }) => ({
      type: 'revocation.lifted',
      outcome: 'done',
      actors: doersOf(by),
      references: [revocation],
      data: { ...(placed === undefined ? {} : { kind: placed.target.kind, id: placed.target.id }), revocation, reason },
    }),
    ends: true,
    refused: (error, { ask: { revocation, by } }) =>
      refusal(error, by, { operation: 'revocation:lift', about: revocation }),
  };

  /** A token or a consent ends permanently. */
  const endForGood: RevocationCommand<Placing, undefined> = { ...place, ends: true };

  return { place, endForGood, lift };
}

function idOf(target: RevocationTarget, party: RevokingParty, isKnown: boolean): RevocationId {
  return `${party}:${target.kind}:${isKnown ? target.id : revocationKey(target)}`;
}

function isStanding(target: RevocationTarget): target is StandingRevocationTarget {
  return isStandingRevocationKind(target.kind);
}

/** @param party undefined if it does not block new tokens */
export function revocationSaying(target: RevocationTarget, by: Requester, reason: string, party?: RevokingParty) {
  const { kind, id } = target;
  const stands = party !== undefined && isStandingRevocationKind(kind);
  const grantsOf = grantsEndedBy(target);
  return {
    type: 'token.revoked',
    outcome: 'done',
    actors: doersOf(by),
    ...(grantsOf === undefined ? {} : { standing: [ended(grantsThing(grantsOf))] }),
    data: { kind, id, key: revocationKey(target), reason, ...(stands ? { until_lifted: party } : {}) },
  } as const;
}

/** The subject, then the actors. These records have no subject member. */
function doersOf(by: Requester): readonly Actor[] {
  const { subject, actors = [] } = recordedRequester(by);
  return [subject, ...actors];
}

export function grantsEndedBy({ kind, id }: RevocationTarget): GrantsOf | undefined {
  switch (kind) {
    case 'client':
      return { client: id };
    case 'principal':
      return { subject: id };
    case 'partner':
      return { institution: id };
    case 'grant':
    case 'token':
    case 'mandate':
      return undefined;
    default:
      return kind satisfies never;
  }
}
