import { type LogCustody, retentionErrors, type SubjectKey } from '@countersign/contracts';
import { type CodedError, digestOf, newId, type RecordId, toInstant } from '@countersign/kernel';
import { createDecisions, type DecidingUseCase, type Decisions, erasureApproval, proposalOf } from './deciding.ts';
import type { Requester } from './dependencies.ts';
import type { RetentionState } from './ledger/fold.ts';
import { recordedAs } from './ledger/ledger.ts';
import type { ErasureKey, ErasureProposal } from './ledger/proposal.ts';
import { plain, type RetentionCommand, readLine } from './retention-command.ts';
import { erasableFrom } from './schedule.ts';
import { activeHolds, activeScopes, momentOf } from './simulations.ts';

export interface KeyStatus extends SubjectKey {
  /** RFC 3339. */
  readonly erasableFrom: string;
  readonly due: boolean;
}

/** Two people erase protected values after their retention, unless a hold keeps them. */
export interface Erasures extends Decisions<ErasureProposal> {
  /** Erased keys too. */
  keysOf(subject: string): Promise<readonly KeyStatus[]>;
  /**
   * @param request.keys default: all that are due @throws CodedError `subject_without_values`, `erasure_too_early`,
   * `erasure_held`, `retention_malformed`
   */
  propose(
    request: { readonly subject: string; readonly keys?: readonly string[]; readonly reason: string },
    by: Requester,
  ): Promise<ErasureProposal>;
}

/** One record lists them all. */
const maxKeys = 200;

interface Proposing {
  readonly id: RecordId;
  readonly subject: string;
  /** Undefined for all that are due. */
  readonly wanted: readonly string[] | undefined;
  readonly reason: string;
  readonly by: Requester;
}

export function createErasures(dependencies: DecidingUseCase): Erasures {
  const { kinds, commands, ledger, custody, clock, random } = dependencies;

  const propose: RetentionCommand<Proposing, ErasureProposal, readonly ErasureKey[]> = {
    ...plain,
    kind: kinds.started,
    about: ({ id }) => id,
    async facts(_session, { ask, state, now }) {
      const present = (await custody.keysOf(ask.subject)).filter(({ erasedAt }) => erasedAt === undefined);
      return choose(
        present.map((key) => statusOf(key, state, now)),
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
    release: (state, id) => proposalOf(state, id, ['erasure']),
  };

  return {
    ...createDecisions(dependencies, {
      of: ['erasure'],
      operations: 'erasure',
      obstacle: (proposal, state) => obstacleTo(proposal, { custody, state, now: clock.now() }),
      approval: ({ id, digest, subject, keys, proposal }) => ({
        type: 'erasure.approved',
        data: { proposal: id, digest, subject, keys: keys.map(({ key }) => key), proposed_by: proposal.by.id },
      }),
    }),
    async keysOf(subject) {
      const state = await ledger.current();
      return (await custody.keysOf(subject)).map((key) => statusOf(key, state, clock.now()));
    },

    async propose({ subject, keys: wanted, reason: reasonText }, by) {
      const reason = readLine('A reason', reasonText);
      return commands.run(propose, { id: newId('record', { clock, random }), subject, wanted, reason, by });
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
  const early = found.map((key) => statusOf(key, state, now)).filter(({ due }) => !due);
  return early.length > 0 ? tooEarly(early) : heldError(custody, keys, state);
}

function statusOf(key: SubjectKey, { schedule }: RetentionState, now: number): KeyStatus {
  const from = erasableFrom(schedule, key.class, momentOf(key.newest));
  return { ...key, erasableFrom: toInstant(from), due: from <= now && key.erasedAt === undefined };
}

/** @throws CodedError `subject_without_values`, `erasure_too_early` */
function choose(present: readonly KeyStatus[], wanted: readonly string[] | undefined): readonly ErasureKey[] {
  const named = wanted === undefined ? present : present.filter(({ key }) => wanted.includes(key));
  if (named.length === 0 || (wanted !== undefined && named.length < new Set(wanted).size))
    throw retentionErrors.error(
      'subject_without_values',
      'No values that could be erased are kept for this subject under these keys.',
    );
  const due = named.filter((key) => key.due);
  if (wanted !== undefined ? due.length < named.length : due.length === 0)
    throw tooEarly(named.filter((key) => !key.due));
  return due
    .slice(0, maxKeys)
    .map(({ key, region, class: name, year, values, newest }) => ({ key, region, class: name, year, values, newest }));
}

function tooEarly(early: readonly KeyStatus[]): CodedError {
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
    activeScopes(state),
  );
  if (scopes.length === 0) return undefined;
  const holding = activeHolds(state).filter(({ scope }) => scopes.includes(scope));
  return retentionErrors.error('erasure_held', 'A legal hold keeps records with values under these keys.', {
    facts: { holds: holding.map(({ id }) => id) },
  });
}
