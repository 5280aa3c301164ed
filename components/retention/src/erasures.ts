import type { LoggedCommands } from '@countersign/commands';
import { type LogCustody, retentionErrors, type SubjectKey } from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  newId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { erasableFrom } from './age.ts';
import { type Deciding, erasureApproval, meanwhile, proposalOf } from './deciding.ts';
import type { RetentionState } from './ledger/fold.ts';
import { type Ledger, recordedAs } from './ledger/ledger.ts';
import type { ErasureKey, ErasureProposal } from './ledger/proposal.ts';
import { readLine } from './plain-text.ts';
import type { Requester } from './requester.ts';
import { type Decision, plain, type RetentionCommand, type RetentionKinds } from './retention-command.ts';
import { momentOf, standingHolds, standingScopes } from './simulations.ts';

export interface KeyStanding extends SubjectKey {
  /** RFC 3339. */
  readonly erasableFrom: string;
  readonly due: boolean;
}

/** Two people erase protected values after their retention, unless a hold keeps them. */
export interface Erasures {
  /** Erased keys too. */
  keysOf(subject: string): Promise<readonly KeyStanding[]>;
  /**
   * @param request.keys default: all that are due @throws CodedError `subject_without_values`, `erasure_too_early`,
   * `erasure_held`, `retention_malformed`
   */
  propose(
    request: { readonly subject: string; readonly keys?: readonly string[]; readonly reason: string },
    by: Requester,
  ): Promise<ErasureProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled`, `own_proposal`, `approver_not_independent`, `proposal_outdated`, `erasure_held` */
  approve(id: string, digest: string, by: Requester): Promise<ErasureProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled` */
  reject(id: string, reason: string, by: Requester): Promise<ErasureProposal>;
}

/** One record lists them all. */
const mostKeys = 200;

interface Proposing {
  readonly id: RecordId;
  readonly subject: string;
  /** Undefined for all that are due. */
  readonly wanted: readonly string[] | undefined;
  readonly reason: string;
  readonly by: Requester;
}
interface Rejecting {
  readonly id: RecordId;
  readonly reason: string;
  readonly by: Requester;
}

export function createErasures(dependencies: {
  readonly kinds: RetentionKinds;
  readonly commands: LoggedCommands;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly clock: Clock;
  readonly random: Random;
  readonly deciding: Deciding;
  /** Starts carrying out what was approved. */
  readonly begin: () => void;
}): Erasures {
  const { kinds, commands, ledger, custody, clock, random, deciding, begin } = dependencies;
  const of = (state: RetentionState, id: string): ErasureProposal => proposalOf(state, id, ['erasure']);

  const propose: RetentionCommand<Proposing, ErasureProposal, readonly ErasureKey[]> = {
    ...plain,
    kind: kinds.begun,
    about: ({ id }) => id,
    async facts(_session, { ask, state, now }) {
      const present = (await custody.keysOf(ask.subject)).filter(({ erasedAt }) => erasedAt === undefined);
      return choose(
        present.map((key) => standingOf(key, state, now)),
        ask.wanted,
      );
    },
    async check({ facts: keys, state }) {
      const held = await heldError(custody, keys, state);
      if (held !== undefined) throw held;
    },
    record: ({ ask: { subject, reason, by }, facts: keys, state, now }) => ({
      type: 'erasure.proposed',
      outcome: 'done',
      ...recordedAs(by),
      data: {
        ...{ subject, reason, digest: digestOf({ subject, keys, reason }) },
        keys: keys.map((key) => ({ ...key })),
        schedule: state.schedule.version,
        expires_at: toInstant(now + erasureApproval.waitsMs),
      },
    }),
    ends: false,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'erasure:propose', about: ask.subject }, ask.by),
    release: of,
  };

  const approve: RetentionCommand<Decision<ErasureProposal>, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ of: { id } }) => id,
    async check({ ask, state }) {
      const refusal =
        ask.refusal ??
        deciding.settled(of(state, ask.of.id)) ??
        (state.governedUpTo === ask.governedUpTo ? undefined : meanwhile());
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask: { of: proposal, by } }) => {
      const { id, digest, subject, keys } = proposal;
      return {
        type: 'erasure.approved',
        outcome: 'done',
        ...recordedAs(by),
        references: [id],
        data: { proposal: id, digest, subject, keys: keys.map(({ key }) => key), proposed_by: proposal.proposal.by.id },
      };
    },
    ends: true,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'erasure:approve', about: ask.of.id }, ask.by),
    after: async () => begin(),
    release: (state) => state,
  };

  const reject: RetentionCommand<Rejecting, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const late = deciding.settled(of(state, ask.id));
      if (late !== undefined) throw late;
    },
    record({ ask: { id, reason, by }, state }) {
      const data = { proposal: id, proposed_by: of(state, id).proposal.by.id, reason };
      return { type: 'erasure.rejected', outcome: 'done', ...recordedAs(by), references: [id], data };
    },
    ends: true,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'erasure:reject', about: ask.id }, ask.by),
    release: (state) => state,
  };

  return {
    async keysOf(subject) {
      const state = await ledger.current();
      return (await custody.keysOf(subject)).map((key) => standingOf(key, state, clock.now()));
    },

    async propose({ subject, keys: wanted, reason: reasonText }, by) {
      const reason = readLine('A reason', reasonText);
      return commands.run(propose, { id: newId('record', { clock, random }), subject, wanted, reason, by });
    },

    async approve(id, digest, by) {
      const judged = await ledger.current();
      const proposal = of(judged, id);
      const refusal =
        (await deciding.refusalOf(proposal, digest, by)) ??
        (await obstacleTo(proposal, { custody, state: judged, now: clock.now() }));
      const { governedUpTo } = judged;
      return of(await commands.run(approve, { of: proposal, by, refusal, governedUpTo }), id);
    },

    async reject(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      const proposal = of(await ledger.current(), id);
      return of(await commands.run(reject, { id: proposal.id, reason, by }), id);
    },
  };
}

/** Checked at the proposal, at the approval, and before erasing. */
export async function obstacleTo(
  { subject, keys }: Pick<ErasureProposal, 'subject' | 'keys'>,
  { custody, state, now }: { readonly custody: LogCustody; readonly state: RetentionState; readonly now: number },
): Promise<CodedError | undefined> {
  // A key that was used again has newer records than the proposal says.
  const present = new Map((await custody.keysOf(subject)).map((key) => [key.key, key]));
  const found = keys.flatMap(({ key }) => present.get(key) ?? []);
  const early = found.map((key) => standingOf(key, state, now)).filter(({ due }) => !due);
  return early.length > 0 ? tooEarly(early) : heldError(custody, keys, state);
}

function standingOf(key: SubjectKey, { schedule }: RetentionState, now: number): KeyStanding {
  const from = erasableFrom(schedule, key.class, momentOf(key.newest));
  return { ...key, erasableFrom: toInstant(from), due: from <= now && key.erasedAt === undefined };
}

/** @throws CodedError `subject_without_values`, `erasure_too_early` */
function choose(present: readonly KeyStanding[], wanted: readonly string[] | undefined): readonly ErasureKey[] {
  const named = wanted === undefined ? present : present.filter(({ key }) => wanted.includes(key));
  if (named.length === 0 || (wanted !== undefined && named.length < new Set(wanted).size))
    throw retentionErrors.error(
      'subject_without_values',
      'Nothing that could be erased is kept for this subject under these keys.',
    );
  const due = named.filter((key) => key.due);
  if (wanted !== undefined ? due.length < named.length : due.length === 0)
    throw tooEarly(named.filter((key) => !key.due));
  return due
    .slice(0, mostKeys)
    .map(({ key, region, class: name, year, values, newest }) => ({ key, region, class: name, year, values, newest }));
}

function tooEarly(early: readonly KeyStanding[]): CodedError {
  const [first] = early.map((key) => key.erasableFrom).toSorted();
  return retentionErrors.error(
    'erasure_too_early',
    `Records under these keys have to be kept; the first of them may be erased from ${first ?? 'later'} on.`,
    { facts: { keys: early.map((key) => ({ key: key.key, erasable_from: key.erasableFrom })) } },
  );
}

async function heldError(
  custody: LogCustody,
  keys: readonly Pick<ErasureKey, 'key'>[],
  state: RetentionState,
): Promise<CodedError | undefined> {
  const scopes = await custody.heldKeys(
    keys.map(({ key }) => key),
    standingScopes(state),
  );
  if (scopes.length === 0) return undefined;
  const holding = standingHolds(state).filter(({ scope }) => scopes.includes(scope));
  return retentionErrors.error('erasure_held', 'A legal hold keeps records with values under these keys.', {
    facts: { holds: holding.map(({ id }) => id) },
  });
}
