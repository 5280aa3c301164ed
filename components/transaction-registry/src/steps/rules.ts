import { consentErrors, type DirectorySnapshot, type Mandate, transactionErrors } from '@countersign/contracts';
import { type CodedError, compareDecimals, parseInstant, toInstant } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import { lifeCycleOf, partiesByPart, startsNewRisk, stateRuleOf } from '../life-cycles/index.ts';
import type { Change } from '../proof/change.ts';
import type { Unit } from '../proof/proven-store.ts';
import { tradesNamedBy } from '../store/trades.ts';

/** Checks order, party and time of a step. @returns the first fault */
export function sequenceFault(attempt: Attempt): CodedError | undefined {
  return orderFault(attempt) ?? partyFault(attempt) ?? timeFault(attempt) ?? lateFault(attempt);
}

function orderFault({ asked, rule, transaction }: Attempt): CodedError | undefined {
  return rule.from.includes(transaction.state)
    ? undefined
    : transactionErrors.error(
        'transition_out_of_order',
        `The transaction is ${transaction.state}; ${asked.event} follows ${rule.from.join(' or ')}.`,
        { facts: { state: transaction.state } },
      );
}

function partyFault({ asked, rule, transaction }: Attempt): CodedError | undefined {
  const parties = partiesByPart(transaction);
  if (rule.actors.some((actor) => parties.get(actor)?.some((lei) => lei === asked.institution) === true))
    return undefined;
  const detail = `Only the ${rule.actors.join(' or ')} of the intent can report ${asked.event}.`;
  return transactionErrors.error('transition_not_permitted', detail, {
    facts: { reasons: [{ code: 'party_role', detail }] },
  });
}

function timeFault({ rule, transaction, now }: Attempt): CodedError | undefined {
  if (rule.inTime !== true || (parseInstant(transaction.detail.not_after) ?? 0) > now) return undefined;
  return transactionErrors.error('intent_expired', `The intent expired at ${transaction.detail.not_after}.`);
}

function lateFault({ asked, rule, late }: Attempt): CodedError | undefined {
  return late && rule.late === 'refuse'
    ? transactionErrors.error('event_late', `${asked.event} arrived after its deadline.`)
    : undefined;
}

/** If a venue requires short codes (MiFIR, RTS 24), the initiator must have one there. */
export function shortCodeFault(
  { asked, transaction: { detail, initiator } }: Pick<Attempt, 'asked' | 'transaction'>,
  directory: Pick<DirectorySnapshot, 'venue' | 'shortCode'>,
): CodedError | undefined {
  if (detail.type !== 'urn:countersign:rar:v1:trade_order' || asked.event !== 'submit') return undefined;
  const { venue_mic } = detail;
  if (directory.venue(venue_mic)?.shortCodes !== 'required') return undefined;
  return directory.shortCode(venue_mic, initiator) === undefined
    ? transactionErrors.error(
        'short_code_unmapped',
        `${venue_mic} requires short codes, but ${initiator} has none there. Add one to the directory first.`,
      )
    : undefined;
}

/** Default cooling-off of an address after its approval, in milliseconds: one day. */
const usualCoolingOffMs = 86_400_000;

/** Enforces the cooling-off from the approval of an address. The proposer may ask for a longer time, not for a shorter one. */
export function coolingOffFault(
  { asked, transaction: { detail }, past, now }: Pick<Attempt, 'asked' | 'transaction' | 'past' | 'now'>,
  leastMs = usualCoolingOffMs,
): CodedError | undefined {
  if (detail.type !== 'urn:countersign:rar:v1:address_book_change' || asked.event !== 'activate') return undefined;
  const approvedAt = past.findLast(({ event }) => event === 'approve')?.recordedAt;
  const approved = approvedAt === undefined ? undefined : parseInstant(approvedAt);
  const wanted = parseInstant(detail.cooling_off_until);
  if (approved === undefined || wanted === undefined)
    return transactionErrors.error('cooling_off', 'The address has not been approved.');
  const until = Math.max(wanted, approved + leastMs);
  return until <= now
    ? undefined
    : transactionErrors.error('cooling_off', `The address can be used from ${toInstant(until)}.`);
}

/** Only for one transaction: the first that takes a step under it. @returns CodedError `mandate_instruction_used` */
export async function instructionFault(
  { transaction }: Pick<Attempt, 'transaction'>,
  mandates: readonly Mandate[],
  unit: Pick<Unit, 'takeInstruction'>,
): Promise<CodedError | undefined> {
  for (const { id, kind } of mandates) {
    if (kind !== 'instruction') continue;
    if (!(await unit.takeInstruction(id, transaction.id)))
      return consentErrors.error(
        'mandate_instruction_used',
        'The instruction has already been used for another transaction. An instruction can be used once.',
        { facts: { mandate: id } },
      );
  }
  return undefined;
}

/**
 * Compares digest, state and amount that a partner reports. @returns CodedError `partner_mismatch`, which names the
 * `field`
 */
export function mismatchFault({ body, transaction }: Pick<Attempt, 'body' | 'transaction'>): CodedError | undefined {
  const { intentDigest, state } = body.said;
  if (intentDigest !== undefined && intentDigest !== transaction.intentDigest)
    return differs('intent_digest', 'a different intent than the approved one');
  if (state !== undefined && state !== transaction.state)
    return differs('state', `the transaction as ${state}; here it is ${transaction.state}`);
  if (body.kind === 'moved' && 'amount' in transaction.detail) {
    const { amount } = transaction.detail;
    if (compareDecimals(body.amount, amount) !== 0)
      return differs('amount', `an amount of ${body.amount}; here it is ${amount}`);
  }
  return undefined;
}

function differs(field: string, what: string): CodedError {
  return transactionErrors.error('partner_mismatch', `The partner names ${what}.`, { facts: { field } });
}

/**
 * Before the first step, a token for the intent must have been permitted, for an interface of the institution that
 * acts.
 */
export function permittedFault({ asked, rule, transaction, known }: Attempt): CodedError | undefined {
  const { state, initiatorInstitution } = transaction;
  if (state !== 'intended' || !startsNewRisk(rule, stateRuleOf(lifeCycleOf(transaction.detail), state)))
    return undefined;
  const { permitted } = known;
  if (permitted === undefined)
    return notPermitted(
      'intent_not_permitted',
      'No token has been permitted for this intent. The initiator must request one first, with the required sign-in and approvals.',
    );
  if (asked.institution === initiatorInstitution || permitted.reached.includes(asked.institution)) return undefined;
  return notPermitted(
    'intent_not_sent',
    `The initiator has no permitted token for an interface of ${asked.institution} and must request one first.`,
  );
}

function notPermitted(code: string, detail: string): CodedError {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}

/** A trade cannot be reported as settled while a settlement of it is under way. */
export async function tradeFault(
  { asked, rule, trade, transaction }: Pick<Attempt, 'asked' | 'rule' | 'trade' | 'transaction'>,
  unit: Pick<Unit, 'isBeingSettled'>,
): Promise<CodedError | undefined> {
  if (rule.trade === true && trade.kind === 'fault') return trade.fault;
  const settlesTrade = transaction.detail.type === 'urn:countersign:rar:v1:trade_order' && asked.event === 'settle';
  return settlesTrade && (await unit.isBeingSettled(transaction.id))
    ? transactionErrors.error(
        'trade_being_settled',
        'A settlement of this trade is in progress. Report the trade as settled once that has settled or was cancelled.',
      )
    : undefined;
}

/** The quantities of trades that a step uses; earlier uses stay. */
export function takenOfTrades({
  rule,
  trade,
  transaction,
}: Pick<Attempt, 'rule' | 'trade' | 'transaction'>): Change['takes'] {
  const named = tradesNamedBy(transaction.detail);
  return rule.trade !== true || trade.kind !== 'usable' || named === undefined
    ? undefined
    : { kind: named.kind, uses: trade.uses };
}
