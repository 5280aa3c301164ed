import { consentErrors, type DirectorySnapshot, type Mandate, transactionErrors } from '@countersign/contracts';
import { type CodedError, compareDecimals, parseInstant, toInstant } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import { beginsSomething, lifeCycleOf, stateRuleOf } from '../life-cycles/index.ts';
import type { Unit } from '../proof/proven-store.ts';

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
        `${venue_mic} wants short codes, and ${initiator} has none there: have it mapped first.`,
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
    : transactionErrors.error('cooling_off', `The address may be used from ${toInstant(until)} on.`);
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
        'The instruction has been used for another transaction: it was good for one.',
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
    return differs('intent_digest', 'another intent than the one that was approved here');
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
  if (state !== 'intended' || !beginsSomething(rule, stateRuleOf(lifeCycleOf(transaction.detail), state)))
    return undefined;
  const { permitted } = known;
  if (permitted === undefined)
    return notPermitted(
      'intent_not_permitted',
      'No token was permitted for this intent: whoever began it has to ask for one, with the sign-in and the approvals that it needs.',
    );
  if (asked.institution === initiatorInstitution || permitted.reached.includes(asked.institution)) return undefined;
  return notPermitted(
    'intent_not_sent',
    `Whoever began this transaction was permitted no token for an interface of ${asked.institution}: they send the intent with one first.`,
  );
}

function notPermitted(code: string, detail: string): CodedError {
  return transactionErrors.error('transition_not_permitted', detail, { facts: { reasons: [{ code, detail }] } });
}
