import { createSecondPerson, type DualControl, type SecondPersonDependencies } from '@countersign/commands';
import { type AuditLog, auditLogErrors, type HoldScope, peopleOf, retentionErrors } from '@countersign/contracts';
import { type CodedError, newId, parseInstant, type RecordId } from '@countersign/kernel';
import type { Requester } from './dependencies.ts';
import type { RecordedHold, RetentionState } from './ledger/fold.ts';
import { recordedAs } from './ledger/ledger.ts';
import { type Decision, plain, type RetentionCommand, readLine, type UseCase } from './retention-command.ts';
import { isAbout, readScope, type WrittenScope, writeScope } from './scope.ts';

/** Records under a legal hold stay, whatever their age, until another person releases them. */
export interface Holds {
  /**
   * Keeps matching records and their keys. @param request.matter court or authority, and reference @param
   * request.future the scope may match nothing yet @throws CodedError `retention_malformed`, `hold_by_its_subject`,
   * `hold_finds_nothing`
   */
  place(
    request: { readonly scope: WrittenScope; readonly matter: string; readonly future: boolean },
    by: Requester,
  ): Promise<RecordedHold>;
  /** @throws CodedError `hold_not_found`, `hold_released`, `hold_same_person`, `approver_not_independent`, `hold_by_its_subject` */
  release(id: string, reason: string, by: Requester): Promise<RecordedHold>;
}

interface Placing {
  readonly id: RecordId;
  readonly scope: HoldScope;
  readonly matter: string;
  readonly finds: boolean;
  readonly by: Requester;
  /** Found before the command takes its turn. */
  readonly refusal: CodedError | undefined;
}
type Releasing = Omit<Decision<RecordedHold>, 'governedUpTo'> & { readonly reason: string };

export function createHolds({
  kinds,
  commands,
  ledger,
  log,
  random,
  ...dependencies
}: SecondPersonDependencies & Omit<UseCase, 'custody'> & { readonly log: Pick<AuditLog, 'query'> }): Holds {
  const second = createSecondPerson(holdRelease, dependencies);
  const place: RetentionCommand<Placing, RecordedHold> = {
    ...plain,
    kind: kinds.started,
    about: ({ id }) => id,
    async check({ ask: { refusal } }) {
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask: { scope, matter, finds, by } }) => ({
      type: 'hold.placed',
      outcome: 'done',
      ...recordedAs(by),
      data: { scope: { ...writeScope(scope) }, matter, finds_nothing_yet: !finds },
    }),
    ends: false,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'legalhold:place' }, ask.by),
    release: holdOf,
  };

  const release: RetentionCommand<Releasing, RetentionState> = {
    ...plain,
    kind: kinds.decided,
    about: ({ of: { record } }) => record,
    async check({ ask, state }) {
      const refusal = ask.refusal ?? second.settled(placed(holdOf(state, ask.of.id)));
      if (refusal !== undefined) throw refusal;
    },
    record: ({ ask: { of: hold, reason, by } }) => ({
      type: 'hold.released',
      outcome: 'done',
      ...recordedAs(by),
      references: [hold.record],
      data: { hold: hold.id, reason },
    }),
    ends: true,
    refused: (error, { ask }) => ledger.refusalOf(error, { operation: 'legalhold:release', about: ask.of.id }, ask.by),
    release: (state) => state,
  };

  return {
    async place({ scope: written, matter: matterText, future }, by) {
      const scope = readScope(written);
      const matter = readLine('The matter of a hold', matterText);
      // Before the command takes its turn, because searching the log takes time.
      const isBySubject = await answerOr(isAbout(scope, by, log), false);
      const finds = await answerOr(
        log.query({ ...scope, limit: 1 }).then(({ length }) => length > 0),
        true,
      );
      const refusal = isBySubject ? bySubject() : finds || future ? undefined : findsNothing();
      const id = newId('record', { clock: dependencies.clock, random });
      return commands.run(place, { id, scope, matter, finds, by, refusal });
    },

    async release(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      const hold = holdOf(await ledger.current(), id);
      const refusal =
        (await second.refusalOf(placed(hold), { people: peopleOf(by) })) ??
        ((await isAbout(hold.scope, by, log)) ? bySubject() : undefined);
      return holdOf(await commands.run(release, { of: hold, reason, by, refusal }), id);
    },
  };
}

/** The person who placed the hold may have left. */
export const holdRelease = {
  what: 'hold',
  approves: 'id',
  waitsMs: 'until-decided',
  quorum: 1,
  proposer: 'may-leave',
  separates: { scopes: [['legalhold:place'], ['legalhold:release']] },
  codes: { settled: 'hold_released', self: 'hold_same_person', dependent: 'approver_not_independent' },
  error: retentionErrors.error,
} as const satisfies DualControl<keyof typeof retentionErrors.codes>;

function placed({ people, placedAt, releasedAt }: RecordedHold) {
  return {
    people,
    proposedAt: parseInstant(placedAt) ?? Number.NEGATIVE_INFINITY,
    decided: releasedAt === undefined ? undefined : 'released',
  };
}

/** A hold must not wait, and flooding the log must not delay it. */
async function answerOr(answer: Promise<boolean>, unanswered: boolean): Promise<boolean> {
  try {
    return await answer;
  } catch (error) {
    if (auditLogErrors.is(error, 'query_behind') || auditLogErrors.is(error, 'query_too_wide')) return unanswered;
    throw error;
  }
}

function holdOf({ holds }: RetentionState, id: string): RecordedHold {
  const hold = holds.get(id);
  if (hold === undefined) throw retentionErrors.error('hold_not_found', 'There is no hold by this id.');
  return hold;
}

function findsNothing(): CodedError {
  return retentionErrors.error(
    'hold_finds_nothing',
    'No record matches this hold. To place it for future records, set `future`.',
  );
}

function bySubject(): CodedError {
  return retentionErrors.error(
    'hold_by_its_subject',
    'A hold is not placed or released by people whom it is about, or who took part in what it names.',
  );
}
