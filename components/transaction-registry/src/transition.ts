import {
  type AuditAppender,
  type ConsentStore,
  type Decision,
  type Directory,
  type LimitReading,
  limitReadingJson,
  type PolicyEngine,
  type RecordDraft,
  recordedDecision,
  type TransactionException,
  type TransitionReceipt,
  type TransitionRequest,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Json,
  newId,
  parseInstant,
  type Random,
  toInstant,
} from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { decideOn, decisionFault } from './decision.ts';
import { partiesOf, standingApprovals } from './facts.ts';
import { commitHeadroom, releaseHeadroom, reopenHeadroom, reserveHeadroom } from './headroom.ts';
import { checkMandates, type MandateStanding } from './mandate-check.ts';
import { isOrder, lifeUnknown, type OrderTransaction } from './order.ts';
import { recordAbout, referencesTo } from './records.ts';
import { type TransitionRule, transitionRules } from './state-machine.ts';
import type { Store, StoredApproval, StoredTransaction, StoredTransition, Unit } from './store.ts';
import { type TradeSoFar, termsFault } from './terms.ts';
import { parseTransitionBody } from './transition-body.ts';
import { type Asked, parseTransitionRequest } from './transition-request.ts';

export interface TransitionDependencies {
  readonly store: Store;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  readonly policyEngine: Pick<PolicyEngine, 'decide' | 'limits'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Our own resource URI, as tokens name it. */
  readonly audience: string;
}

/** What is known once the transaction is locked, and does not change while it is. */
interface Attempt<Transaction extends StoredTransaction = StoredTransaction> {
  readonly asked: Asked;
  readonly rule: TransitionRule;
  readonly transaction: Transaction;
  readonly past: readonly StoredTransition[];
  readonly approvals: readonly StoredApproval[];
  readonly now: number;
}

/** Of these only `lapsed` leaves something behind besides its record, so it commits before it is told. */
type Outcome =
  | { readonly kind: 'done' | 'replayed'; readonly receipt: TransitionReceipt }
  | { readonly kind: 'lapsed'; readonly error: CodedError };

/** Carries a transaction on by one event; see the contract. */
export async function transition(
  request: TransitionRequest,
  dependencies: TransitionDependencies,
): Promise<TransitionReceipt> {
  const asked = parseTransitionRequest(request);
  const outcome = await dependencies.store.inUnit((unit) => carryOut(asked, unit, dependencies));
  if (outcome.kind === 'lapsed') throw outcome.error;
  await settleHeadroom(asked, outcome, dependencies);
  return outcome.receipt;
}

async function carryOut(asked: Asked, unit: Unit, dependencies: TransitionDependencies): Promise<Outcome> {
  const transaction = await lockVisible(asked, unit);
  const past = await unit.transitions(transaction.id);
  const earlier = past.find(
    ({ institution, idempotencyKey }) => institution === asked.institution && idempotencyKey === asked.idempotencyKey,
  );
  if (earlier !== undefined) return { kind: 'replayed', receipt: repeated(earlier, asked) };

  const now = dependencies.clock.now();
  const approvals = standingApprovals(
    transaction,
    await unit.approvals(transaction.id),
    dependencies.directory.snapshot(),
    now,
  );
  const about = { asked, rule: transitionRules[asked.event], past, approvals, now };
  if (!isOrder(transaction)) return refuse({ ...about, transaction }, lifeUnknown(transaction), dependencies);
  const attempt: Attempt<OrderTransaction> = { ...about, transaction };

  const misplaced = orderFault(attempt) ?? partyFault(attempt) ?? expiryFault(attempt);
  if (misplaced !== undefined) return refuse(attempt, misplaced, dependencies);
  const standing = await checkMandates(
    attempt.rule.mandates,
    transaction,
    { now, takenAt: submittedAt(past) ?? now },
    dependencies.consentStore,
  );
  if (!standing.stands) return lapse(attempt, standing, unit, dependencies);
  const exceeded = termsFault(transaction.detail, tradeSoFar(past), asked.facts);
  if (exceeded !== undefined) return refuse(attempt, exceeded, dependencies);
  const decision = attempt.rule.decided ? await decideOn(attempt, dependencies) : undefined;
  const denied = decision === undefined ? undefined : decisionFault(decision);
  if (denied !== undefined) return refuse(attempt, denied, dependencies, decision);
  const { limits } = dependencies.policyEngine;
  const headroom =
    asked.event === 'submit' ? await reserveHeadroom(attempt, standing.mandates, limits) : { readings: undefined };
  if ('fault' in headroom) return refuse(attempt, headroom.fault, dependencies, decision);
  if (asked.event === 'cancel' && transaction.state === 'submitted')
    await reopenHeadroom(transaction.id, { ...dependencies, limits });
  const found = { decision, readings: headroom.readings };
  return { kind: 'done', receipt: await record(attempt, standing, found, unit, dependencies) };
}

/** Whoever is no party learns not even that the transaction exists. */
async function lockVisible(asked: Asked, unit: Unit): Promise<StoredTransaction> {
  const transaction = await unit.lock(asked.transaction);
  if (transaction === undefined || !partiesOf(transaction).includes(asked.institution))
    throw transactionErrors.error('transaction_not_found', 'There is no such transaction, or it is not yours to see.');
  return transaction;
}

/** @throws CodedError `idempotency_conflict` when the key stands for something else */
function repeated(earlier: StoredTransition, asked: Asked): TransitionReceipt {
  if (earlier.event !== asked.event || earlier.bodyDigest !== asked.bodyDigest)
    throw transactionErrors.error(
      'idempotency_conflict',
      'This idempotency key was used for another event or another body.',
    );
  return receiptOf(earlier, true);
}

function orderFault({ asked, rule, transaction }: Attempt): CodedError | undefined {
  return rule.from.includes(transaction.state)
    ? undefined
    : transactionErrors.error(
        'transition_out_of_order',
        `The transaction is ${transaction.state}; ${asked.event} follows ${rule.from.join(' or ')}.`,
        {
          facts: { state: transaction.state },
        },
      );
}

function partyFault({ asked, rule, transaction }: Attempt<OrderTransaction>): CodedError | undefined {
  const { detail, initiatorInstitution } = transaction;
  const acts = rule.actors.some((actor) =>
    actor === 'initiator'
      ? asked.institution === initiatorInstitution
      : detail.parties.some(({ role, lei }) => role === actor && lei === asked.institution),
  );
  if (acts) return undefined;
  const reasons = [
    { code: 'party_role', detail: `Only the ${rule.actors.join(' or ')} of the intent can report ${asked.event}.` },
  ];
  return transactionErrors.error('transition_not_permitted', reasons[0]?.detail ?? '', { facts: { reasons } });
}

function expiryFault({ asked, transaction, now }: Attempt): CodedError | undefined {
  if (asked.event !== 'submit' || (parseInstant(transaction.detail.not_after) ?? 0) > now) return undefined;
  return transactionErrors.error('intent_expired', `The intent was good until ${transaction.detail.not_after}.`);
}

function submittedAt(past: readonly StoredTransition[]): number | undefined {
  const submission = past.find(({ event }) => event === 'submit');
  return submission === undefined ? undefined : Date.parse(submission.recordedAt);
}

/** What was said before, read again by the parser that let it in. */
function tradeSoFar(past: readonly StoredTransition[]): TradeSoFar {
  const bodies = past.map(({ event, body }) => parseTransitionBody(event, body));
  const executed = bodies.find((body) => body.event === 'execute');
  const cleared = bodies.find((body) => body.event === 'clear');
  return {
    ...(executed === undefined ? {} : { executed: { quantity: executed.executedQty, price: executed.price } }),
    ...(cleared === undefined ? {} : { cleared: { quantity: cleared.clearedQty } }),
  };
}

/** Records the refusal, then tells it. Nothing else is left behind: the transaction of the database is rolled back. */
async function refuse(
  attempt: Attempt,
  error: CodedError,
  { audit, ...from }: TransitionDependencies,
  decision?: Decision,
): Promise<never> {
  await audit.append(refusalOf(attempt, error, from, decision));
  throw error;
}

function refusalOf(
  attempt: Attempt,
  error: CodedError,
  from: { clock: Clock; random: Random },
  decision?: Decision,
): RecordDraft {
  const { asked, transaction } = attempt;
  return {
    ...recordAbout(transaction, from),
    type: 'transaction.refused',
    outcome: 'deny',
    reason: error.code,
    references: referencesTo(transaction.lastRecordId, decision?.policyRecord),
    ...circumstancesOf(attempt, decision),
    data: {
      event: asked.event,
      state: transaction.state,
      body_digest: asked.bodyDigest,
      ...(error.facts === undefined ? {} : { facts: error.facts as Json }),
      ...decisionMember(decision),
    },
  };
}

/**
 * Authority has ended. Before execution nothing has happened and a refusal is enough; afterwards a trade exists
 * that may not be carried on, and an exception stands until a person has dealt with it.
 */
async function lapse(
  attempt: Attempt,
  standing: Extract<MandateStanding, { stands: false }>,
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<Outcome> {
  const { asked, rule, transaction, now } = attempt;
  const lapsed = (exception?: string) =>
    transactionErrors.error('mandate_lapsed', `The mandate does not carry this any further: ${standing.detail}`, {
      facts: { reason: standing.reason, ...(exception === undefined ? {} : { exception }) },
    });
  if (rule.onLapse === 'refuse') return refuse(attempt, lapsed(), dependencies);
  const open = await unit.openException(transaction.id, asked.event);
  if (open !== undefined) return refuse(attempt, lapsed(open), dependencies);

  const about = recordAbout(transaction, dependencies);
  const exception: TransactionException = {
    id: newId('exception', dependencies),
    transaction: transaction.id,
    event: asked.event,
    reason: standing.reason,
    detail: standing.detail,
    status: 'open',
    raisedAt: toInstant(now),
    recordId: about.id,
  };
  await dependencies.audit.append({
    ...about,
    type: 'exception.raised',
    outcome: 'deny',
    reason: standing.reason,
    references: referencesTo(transaction.lastRecordId, standing.atFault?.recordId),
    ...circumstancesOf(attempt),
    data: {
      exception: exception.id,
      event: asked.event,
      state: transaction.state,
      reason: standing.reason,
      detail: standing.detail,
      body_digest: asked.bodyDigest,
    },
  });
  await unit.putException(exception);
  return { kind: 'lapsed', error: lapsed(exception.id) };
}

/** Evidence first, then the state that names it. */
async function record(
  attempt: Attempt,
  { mandates }: Extract<MandateStanding, { stands: true }>,
  {
    decision,
    readings,
  }: { readonly decision: Decision | undefined; readonly readings: readonly LimitReading[] | undefined },
  unit: Unit,
  dependencies: TransitionDependencies,
): Promise<TransitionReceipt> {
  const { asked, rule, transaction, approvals } = attempt;
  const about = recordAbout(transaction, dependencies);
  const named = mandates.find(({ id }) => id === transaction.mandate.id);
  const version = transaction.version + 1;
  const draft: RecordDraft = {
    ...about,
    type: 'transaction.transitioned',
    outcome: 'done',
    ...(named === undefined ? {} : { mandate: { id: named.id, version: named.version } }),
    references: referencesTo(
      transaction.lastRecordId,
      transaction.mandate.recordId,
      ...mandates.map(({ recordId }) => recordId),
      ...(asked.event === 'submit' ? approvals.map(({ recordId }) => recordId) : []),
      decision?.policyRecord,
    ),
    ...circumstancesOf(attempt, decision),
    data: {
      event: asked.event,
      from: transaction.state,
      to: rule.to,
      version,
      body_digest: asked.bodyDigest,
      body: asked.body as Json,
      ...decisionMember(decision),
      ...(readings === undefined ? {} : { limits: readings.map(limitReadingJson) }),
    },
  };
  const { time } = await appendOrGiveBack(draft, attempt, dependencies);
  const done: StoredTransition = {
    transaction: transaction.id,
    event: asked.event,
    state: rule.to,
    version,
    recordedAt: time,
    recordId: about.id,
    institution: asked.institution,
    idempotencyKey: asked.idempotencyKey,
    bodyDigest: asked.bodyDigest,
    body: asked.body,
  };
  await unit.putTransition(done);
  return receiptOf(done, false);
}

/**
 * What the log did not take did not happen, so the headroom is given back. When the database fails later it stays
 * reserved: whether the commit took effect is then not known, and is found out later.
 */
async function appendOrGiveBack(
  draft: RecordDraft,
  { asked, transaction }: Attempt,
  { audit, policyEngine, logger }: TransitionDependencies,
) {
  try {
    return await audit.append(draft);
  } catch (error) {
    if (asked.event === 'submit') await releaseHeadroom(transaction.id, { limits: policyEngine.limits, logger });
    throw error;
  }
}

/** After the commit. A cancelled order's headroom is given back at each repetition: at the latest when asked twice. */
async function settleHeadroom(
  { event, transaction }: Asked,
  { kind }: Exclude<Outcome, { kind: 'lapsed' }>,
  { policyEngine: { limits }, store, logger }: TransitionDependencies,
): Promise<void> {
  if (event === 'cancel') await releaseHeadroom(transaction, { limits, logger });
  if (event === 'submit' && kind === 'done')
    await commitHeadroom(transaction, { limits, counts: store.counts, logger });
}

function circumstancesOf({ asked, rule }: Attempt, decision?: Decision): Partial<RecordDraft> {
  return {
    subject: { id: asked.by.id, institution: asked.institution },
    client: asked.by.client,
    scope: [rule.scope],
    payload: asked.bodyDigest,
    ...(decision === undefined ? {} : { policy: { version: decision.policyVersion, hash: decision.policyHash } }),
  };
}

function decisionMember(decision: Decision | undefined): { readonly decision?: Json } {
  return decision === undefined ? {} : { decision: recordedDecision(decision) };
}

function receiptOf(
  { transaction, event, state, version, recordedAt, recordId }: StoredTransition,
  replayed: boolean,
): TransitionReceipt {
  return { transaction, event, state, version, recordedAt, recordId, replayed };
}
