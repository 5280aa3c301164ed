import { Behind, onceSettled, type Recorded } from '@countersign/commands';
import {
  type AuditAppender,
  type AuditLog,
  type PermittedIntent,
  type StandingCheck,
  type StandingReader,
  type StandingRecord,
  standing,
} from '@countersign/contracts';
import { digestOf, type MandateId, type TransactionId } from '@countersign/kernel';
import { lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type {
  RowStore,
  Rows,
  StoredApproval,
  StoredException,
  StoredTransaction,
  StoredTransition,
} from '../store/store.ts';
import type { TradeUse, TradeUseKind, TradeUseRow } from '../store/trades.ts';
import { type Change, type ChangeDraft, changed, changeIn, changeJson, type DurableChange, stepOf } from './change.ts';
import { approvalClaim, type Held, instructionClaim, nextRecordOf, tradeClaim, transactionClaim } from './held.ts';
import { createPermittedReader, permissionsOf } from './permitted.ts';

export type RegistryLog = AuditAppender & StandingReader & Pick<AuditLog, 'find' | 'search'>;

interface ProvenStoreDependencies {
  readonly rows: RowStore;
  readonly log: RegistryLog;
  readonly check: StandingCheck;
}

/** Upper bound of changes not yet written to the rows: one for each process that died. */
const maxBehind = 100;

/** A transaction is behind its record; it is completed before the unit runs again. */
class TransactionBehind extends Behind {
  readonly transaction: TransactionId;

  constructor(transaction: TransactionId, settle: () => Promise<void>, report: () => Promise<unknown>) {
    super(settle, report);
    this.transaction = transaction;
  }
}

interface Proven {
  readonly held: Held;
  readonly approvals: readonly StoredApproval[];
  readonly permitted: PermittedIntent | undefined;
}

type Reads = Pick<
  RowStore,
  'find' | 'transitions' | 'exceptionsOf' | 'takenBy' | 'approvals' | 'usesOfTrades' | 'arrivedBefore'
>;

/**
 * The registry's tables, verified against the log (docs/adr/0043). Rows behind their newest record are completed from
 * it. Any other difference means that the database was manipulated: CodedError `authority_unproven`.
 */
export function createProvenStore({ rows, log, check }: ProvenStoreDependencies) {
  const permitted = createPermittedReader(log);

  async function held(reads: Reads, transaction: StoredTransaction): Promise<Held> {
    const { id } = transaction;
    return {
      transaction,
      steps: await reads.transitions(id),
      exceptions: await reads.exceptionsOf(id),
      uses: await reads.takenBy(id),
    };
  }

  /** The approvals that agree with the log. An approval that has ended in the log was withdrawn. */
  async function agreeing(
    approvals: readonly StoredApproval[],
    newest: ReadonlyMap<string, StandingRecord>,
  ): Promise<readonly StoredApproval[]> {
    const proven: StoredApproval[] = [];
    for (const approval of approvals) {
      const claim = approvalClaim(approval);
      const found = newest.get(claim.of);
      if (approval.withdrawn !== undefined || found?.digest === digestOf(claim.content)) proven.push(approval);
      else if (found !== undefined && found.digest === undefined) {
        // Its process died before storing it, or the row was manipulated.
        const at = (await log.find(found.record))?.record.time;
        if (at !== undefined) proven.push({ ...approval, withdrawn: { at, recordId: found.record } });
      } else if (await check.holds(claim)) proven.push(approval);
    }
    return proven;
  }

  /** Rows and approvals of one transaction; undefined if the rows contradict the newest record. */
  async function read(
    reads: Reads,
    transaction: StoredTransaction,
  ): Promise<Proven & { readonly newest: StandingRecord | undefined; readonly agrees: boolean }> {
    const found = await held(reads, transaction);
    const approvals = await reads.approvals(transaction.id);
    const claim = transactionClaim(found);
    const newest = await log.standings([
      claim.of,
      ...approvals.map((approval) => approvalClaim(approval).of),
      ...permissionsOf(transaction),
    ]);
    const of = newest.get(claim.of);
    return {
      held: found,
      approvals: await agreeing(approvals, newest),
      permitted: await permitted.read(transaction, newest),
      newest: of,
      agrees: of?.digest === digestOf(claim.content),
    };
  }

  /** Writes recorded changes that the rows lack. @throws CodedError `authority_unproven` if the difference has another cause */
  async function complete(unit: Rows, stale: Held, newest: StandingRecord | undefined): Promise<void> {
    const { id } = stale.transaction;
    const missing: DurableChange[] = [];
    let next = stale;
    while (newest !== undefined && next.transaction.changedRecordId !== newest.record && missing.length < maxBehind) {
      const entry = await log.find(nextRecordOf(next.transaction));
      const change = entry === undefined ? undefined : changeIn(entry.record, id);
      if (change === undefined) break;
      missing.push(change);
      next = changed(next, change);
    }
    if (missing.length === 0 || newest?.digest !== digestOf(transactionClaim(next).content))
      await check.require(transactionClaim(stale));
    for (const change of missing) await write(unit, id, change);
  }

  /** @throws {TransactionBehind} if the rows contradict the newest record; they may then be completed under their own lock */
  async function proven(reads: Reads, transaction: StoredTransaction): Promise<Proven> {
    const found = await read(reads, transaction);
    if (found.agrees) return found;
    throw behind(transaction.id, () => check.require(transactionClaim(found.held)));
  }

  function provenUnit(unit: Rows) {
    const locked = new Map<TransactionId, Proven>();
    const unwritten: { readonly id: TransactionId; readonly durable: DurableChange }[] = [];
    const reads: Reads = { ...unit, find: unit.read };

    async function keep(transaction: StoredTransaction): Promise<Proven> {
      const kept = locked.get(transaction.id) ?? (await proven(reads, transaction));
      locked.set(transaction.id, kept);
      return kept;
    }

    async function of(id: TransactionId): Promise<Proven | undefined> {
      const known = locked.get(id);
      if (known !== undefined) return known;
      const transaction = await unit.read(id);
      return transaction === undefined ? undefined : proven(reads, transaction);
    }

    return {
      ...common(reads, of),
      insert: unit.insert,
      byKey: unit.byKey,
      async lock(id: TransactionId): Promise<StoredTransaction | undefined> {
        const transaction = await unit.lock(id);
        return transaction === undefined ? undefined : (await keep(transaction)).held.transaction;
      },
      read: unit.read,
      /** An entry of the address book, locked until the end of the unit. */
      async entry(id: TransactionId): Promise<StoredTransaction | undefined> {
        const entry = await unit.entry(id);
        return entry === undefined ? undefined : (await proven(reads, entry)).held.transaction;
      },
      async activeEntries(institution: string, destinationKey: string): Promise<readonly StoredTransaction[]> {
        const entries = await unit.activeEntries(institution, destinationKey);
        return (await each(entries, (entry) => proven(reads, entry))).map(transactionIn);
      },
      /** Several transactions, locked in the order of their ids. */
      async trades(ids: readonly TransactionId[]): Promise<readonly StoredTransaction[]> {
        return (await each(await unit.trades(ids), keep)).map(transactionIn);
      },
      /** Requires the lock of the transaction. */
      async openExceptions(id: TransactionId): Promise<readonly StoredException[]> {
        return ((await of(id))?.held.exceptions ?? []).filter(({ status }) => status === 'open');
      },
      async exception(id: StoredException['id']): Promise<StoredException | undefined> {
        const known = [...locked.values()].flatMap(({ held: { exceptions } }) => exceptions);
        return known.find((exception) => exception.id === id) ?? unit.exception(id);
      },
      /** Whether a person has accepted exactly this content as correct. */
      async wasAccepted(about: Pick<StoredException, 'transaction' | 'event' | 'bodyDigest'>): Promise<boolean> {
        return ((await of(about.transaction))?.held.exceptions ?? []).some(
          ({ event, bodyDigest, cause, resolution }) =>
            event === about.event &&
            bodyDigest === about.bodyDigest &&
            cause === 'mismatch' &&
            resolution?.kind === 'accepted',
        );
      },
      /** Claims an instruction for a transaction. @returns false if another transaction has it */
      async takeInstruction(mandate: MandateId, id: TransactionId): Promise<boolean> {
        if ((await unit.takeInstruction(mandate, id)) !== id) return false;
        const own = instructionClaim(mandate, id);
        const used = (await log.standings([own.of])).get(own.of);
        return used === undefined || used.digest === digestOf(own.content);
      },
      putApproval: unit.putApproval,
      withdraw: unit.withdraw,
      declines: unit.declines,
      putDecline: unit.putDecline,
      takeOverdue: unit.takeOverdue,
      markOverdue: unit.markOverdue,
      /**
       * Makes the record of a change durable. The transaction must be locked, and has the recorded state from then on.
       */
      async record(id: TransactionId, { draft, change, body = {} }: ChangeDraft): Promise<Recorded> {
        const before = locked.get(id);
        if (before === undefined) throw new Error('a transaction was changed that is not locked');
        const { initiatorInstitution } = before.held.transaction;
        const recordId = nextRecordOf(before.held.transaction);
        const durable = { change, recordId, body };
        const after = changed(before.held, durable);
        const claims = [transactionClaim(after), ...(await takenClaims(unit, id, change))];
        const { time } = await log.append({
          ...draft,
          id: recordId,
          standing: [...(draft.standing ?? []), ...claims.map(({ of: thing, content }) => standing(thing, content))],
          protectedValues: [
            ...(draft.protectedValues ?? []),
            {
              path: '/data/change',
              kind: 'strategy',
              subject: draft.subject?.institution ?? initiatorInstitution,
              value: changeJson(change),
            },
          ],
        });
        locked.set(id, { ...before, held: after });
        unwritten.push({ id, durable });
        return { record: recordId, time };
      },
      async write(): Promise<void> {
        for (const { id, durable } of unwritten.splice(0)) await write(unit, id, durable);
      },
    };
  }

  /** Quantities of trades and instructions that a change uses. */
  async function takenClaims(unit: Rows, id: TransactionId, { takes, instructions = [] }: Change) {
    const fresh = (takes?.uses ?? []).map((use) => ({ ...use, kind: takes?.kind ?? 'settlement', transaction: id }));
    const stored = fresh.length === 0 ? [] : await unit.usesOfTrades(fresh.map(({ trade }) => trade));
    return [
      ...fresh
        .filter(({ trade }) => !stored.some((use) => use.trade === trade && use.transaction === id))
        .map((use) => tradeClaim(use.trade, [...stored, use])),
      ...instructions.map((mandate) => instructionClaim(mandate, id)),
    ];
  }

  function common(reads: Reads, of: (id: TransactionId) => Promise<Proven | undefined>) {
    /** The used quantities of trades, once every use is verified and every returned quantity is confirmed as returned. */
    async function uses(trades: readonly TransactionId[]): Promise<readonly TradeUseRow[]> {
      const stored = await reads.usesOfTrades(trades);
      const claims = trades.map((trade) => tradeClaim(trade, stored));
      const newest = await log.standings(claims.map((claim) => claim.of));
      for (const [place, claim] of claims.entries()) {
        const found = newest.get(claim.of);
        const isUnused = found === undefined && !stored.some(({ trade }) => trade === trades[place]);
        if (isUnused || found?.digest === digestOf(claim.content)) continue;
        // The process that used the last quantity may have died before storing it.
        const taking = found === undefined ? undefined : (await log.find(found.record))?.record.transaction;
        if (taking === undefined) await check.require(claim);
        else throw behind(taking, () => check.require(claim));
      }
      await each(
        stored.filter(({ stillTaken, ended: hasEnded }) => !stillTaken || hasEnded),
        ({ transaction }) => of(transaction),
      );
      return stored;
    }

    return {
      transitions: async (id: TransactionId): Promise<readonly StoredTransition[]> => (await of(id))?.held.steps ?? [],
      async transitionsOfAll(ids: readonly TransactionId[]): Promise<readonly StoredTransition[]> {
        return (await each([...ids].sort(), of)).flatMap((found) => found?.held.steps ?? []);
      },
      /** The approvals that agree with the log, in the order in which they were given. */
      approvals: async (id: TransactionId): Promise<readonly StoredApproval[]> => (await of(id))?.approvals ?? [],
      permitted: async (id: TransactionId): Promise<PermittedIntent | undefined> => (await of(id))?.permitted,
      async withAuthority(id: TransactionId) {
        const found = await of(id);
        return found && { transaction: found.held.transaction, approvals: found.approvals, permitted: found.permitted };
      },
      /** Quantities of these trades used by other transactions and not returned. */
      async takenByOthers(
        trades: readonly TransactionId[],
        kind: TradeUseKind,
        than: TransactionId,
      ): Promise<readonly TradeUse[]> {
        const others = (await uses(trades)).filter(
          (use) => use.kind === kind && use.transaction !== than && use.stillTaken,
        );
        return others.map(({ trade, unit, amount }) => ({ trade, unit, amount }));
      },
      /** Whether a settlement of this trade is instructed and neither settled, failed nor cancelled. */
      async isBeingSettled(trade: TransactionId): Promise<boolean> {
        return (await uses([trade])).some((use) => use.kind === 'settlement' && !use.ended);
      },
      /** Trades with an open exception other than a partner's missed deadline. */
      async stoppedTrades(trades: readonly TransactionId[]): Promise<readonly TransactionId[]> {
        const found = await each(trades, of);
        return trades.filter((_, place) =>
          found[place]?.held.exceptions.some(({ status, cause }) => status === 'open' && cause !== 'partner-timeout'),
        );
      },
      async hasArrivedBefore(about: Parameters<Reads['arrivedBefore']>[0]): Promise<boolean> {
        return (await each(await reads.arrivedBefore(about), of)).some((found) => found !== undefined);
      },
    };
  }

  const inUnit = <Result>(
    work: (unit: Unit, completed: boolean) => Promise<Result>,
    afterTaken: () => Promise<void> = async () => undefined,
  ): Promise<Result> =>
    onceSettled((completed) => rows.inUnit((unit) => work(provenUnit(unit), completed)), afterTaken);

  /**
   * Nothing is locked outside a unit. On a contradiction, the queries run again in a unit that locks the transaction.
   */
  async function outside<Result>(ask: (questions: Questions) => Promise<Result>): Promise<Result> {
    try {
      return await ask(ofPool);
    } catch (error) {
      if (!(error instanceof TransactionBehind)) throw error;
      return inUnit(async (unit) => {
        await unit.lock(error.transaction);
        return ask({ ...unit, find: unit.lock });
      });
    }
  }

  /** Completed in a unit of its own, so that a later refusal does not roll it back. */
  function behind(id: TransactionId, report: () => Promise<unknown>): TransactionBehind {
    const settle = () =>
      rows.inUnit(async (unit) => {
        const transaction = await unit.lock(id);
        if (transaction === undefined) return;
        const found = await read({ ...unit, find: unit.read }, transaction);
        if (!found.agrees) await complete(unit, found.held, found.newest);
      });
    return new TransactionBehind(id, settle, report);
  }

  async function atOnce(id: TransactionId): Promise<Proven | undefined> {
    const transaction = await rows.find(id);
    return transaction === undefined ? undefined : proven(rows, transaction);
  }
  const ofPool = {
    ...common(rows, atOnce),
    find: async (id: TransactionId) => (await atOnce(id))?.held.transaction,
    entry: async (id: TransactionId) => (await atOnce(id))?.held.transaction,
    activeEntries: async (institution: string, destinationKey: string): Promise<readonly StoredTransaction[]> =>
      (await each(await rows.activeEntries(institution, destinationKey), (entry) => proven(rows, entry))).map(
        transactionIn,
      ),
    trades: async (ids: readonly TransactionId[]): Promise<readonly StoredTransaction[]> =>
      (await each(await rows.trades(ids), (trade) => proven(rows, trade))).map(transactionIn),
  };
  type Questions = typeof ofPool;

  return {
    /** In one database transaction, which may run again from its start. @param afterTaken runs before the retry */
    inUnit,
    find: (id: TransactionId) => outside((store) => store.find(id)),
    entry: (id: TransactionId) => outside((store) => store.entry(id)),
    activeEntries: (institution: string, destinationKey: string) =>
      outside((store) => store.activeEntries(institution, destinationKey)),
    trades: (ids: readonly TransactionId[]) => outside((store) => store.trades(ids)),
    transitions: (id: TransactionId) => outside((store) => store.transitions(id)),
    transitionsOfAll: (ids: readonly TransactionId[]) => outside((store) => store.transitionsOfAll(ids)),
    approvals: (id: TransactionId) => outside((store) => store.approvals(id)),
    permitted: (id: TransactionId) => outside((store) => store.permitted(id)),
    withAuthority: (id: TransactionId) => outside((store) => store.withAuthority(id)),
    takenByOthers: (trades: readonly TransactionId[], kind: TradeUseKind, than: TransactionId) =>
      outside(async (store) => {
        // A unit locks them, so that no other transaction uses their quantities in the meantime.
        await store.trades(trades);
        return store.takenByOthers(trades, kind, than);
      }),
    stoppedTrades: (trades: readonly TransactionId[]) => outside((store) => store.stoppedTrades(trades)),
    hasArrivedBefore: (about: Parameters<Reads['arrivedBefore']>[0]) =>
      outside((store) => store.hasArrivedBefore(about)),
    /**
     * Whether its amounts count against limits; waits for a transition in progress. Undefined for an unknown
     * transaction.
     */
    counts: (id: TransactionId): Promise<boolean | undefined> =>
      inUnit(async (unit) => {
        const found = await unit.lock(id);
        return found === undefined ? undefined : stateRuleOf(lifeCycleOf(found.detail), found.state).counts === true;
      }),
    // For lists and display only. Every decision reads the transaction again.
    openApprovalsBy: rows.openApprovalsBy,
    declines: rows.declines,
    waiting: rows.waiting,
    putAwaited: rows.putAwaited,
    forgetAwaited: rows.forgetAwaited,
    putViewing: rows.putViewing,
    earlierViewings: rows.earlierViewings,
    exceptions: rows.exceptions,
    exception: rows.exception,
    overdueTransactions: rows.overdueTransactions,
    noteOverdue: rows.noteOverdue,
    openOf: rows.openOf,
  };

  type Unit = ReturnType<typeof provenUnit>;
}
export type Store = ReturnType<typeof createProvenStore>;
export type Unit = Parameters<Parameters<Store['inUnit']>[0]>[0];

async function each<One, Other>(all: readonly One[], work: (one: One) => Promise<Other>): Promise<readonly Other[]> {
  const done: Other[] = [];
  for (const one of all) done.push(await work(one));
  return done;
}

function transactionIn({ held }: Proven): StoredTransaction {
  return held.transaction;
}

async function write(unit: Rows, id: TransactionId, { change, recordId, body }: DurableChange): Promise<void> {
  const { step, after, used = [], takes, instructions = [], raised, resolved } = change;
  if (takes !== undefined) await unit.takeOfTrades(id, takes.kind, takes.uses);
  for (const mandate of instructions) await unit.takeInstruction(mandate, id);
  if (raised !== undefined) await unit.putException({ ...raised, transaction: id, recordId });
  if (resolved !== undefined) await unit.resolveException(resolved.exception, { ...resolved.resolution, recordId });
  if (change.mandate !== undefined) await unit.replaceMandate(id, change.mandate);
  if (change.carriedBy !== undefined) await unit.setSuccessor(id, change.carriedBy);
  if (change.awaitedUntil !== undefined) await unit.extendDeadline(id, change.awaitedUntil);
  if (step === undefined || after === undefined) return unit.markChanged(id, recordId);
  await unit.putTransition(stepOf(id, step, recordId, body), after);
  await unit.useApprovals(used, step.version);
}
