import { addDecimals, compareDecimals, type DecimalString } from '@countersign/kernel';
import type { Cfi, Country, Currency, Lei, Mic } from '../codes/index.ts';
import { refuse } from '../parsed.ts';
import type { Constraints } from './constraints.ts';
import { withinHours } from './hours.ts';

export interface Money {
  readonly amount: DecimalString;
  readonly ccy: Currency;
}

/** What a mandate is asked about. A fact is absent where the intent has no such thing. */
export interface MandateUse {
  /** A scope of the vocabulary, e.g. `order:create`. */
  readonly action: string;
  readonly cfi?: Cfi | undefined;
  readonly venue?: Mic | undefined;
  readonly jurisdiction?: Country | undefined;
  /** Every account that is touched; absent where the intent does not say. */
  readonly accounts?: readonly string[] | undefined;
  /** Every counterparty that is named; empty where it is known that there is none. */
  readonly counterparties?: readonly Lei[] | undefined;
  /** What the use is worth, or its upper limit, in the mandate's currency. */
  readonly notional?: Money | undefined;
  /** What this mandate has been used for already on the same UTC day, where the caller knows it. Who must not be
   * raced reserves headroom with the policy engine instead. */
  readonly notionalToday?: Money | undefined;
  readonly quantity?: DecimalString | undefined;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

export type MandateRefusal =
  | 'mandate_action'
  | 'mandate_product'
  | 'mandate_venue'
  | 'mandate_jurisdiction'
  | 'mandate_account'
  | 'mandate_counterparty'
  | 'mandate_currency'
  | 'mandate_notional'
  | 'mandate_quantity'
  | 'mandate_hours';

export type MandatePermission =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: MandateRefusal; readonly detail: string };

/** Actions that take market risk: every fact that the mandate constrains must be known. */
const takesRisk = new Set([
  'order:create',
  'order:amend',
  'order:approve',
  'order:force-execute',
  'rfq:create',
  'rfq:respond',
  'rfq:accept',
]);

/** Actions that move value without an instrument or a venue: what they are worth must be known. */
const movesValue = new Set([
  'settlement:instruct',
  'settlement:affirm',
  'settlement:release',
  'margin:pledge',
  'collateral:transfer',
  'collateral:substitute',
  'collateral:approve',
  'withdrawal:request',
  'withdrawal:approve',
  'withdrawal:release',
]);

/**
 * Actions on trades, destinations and reports that have no worth of their own: on which account and with whom must
 * be known where the mandate says with which.
 */
const concernsAccounts = new Set([
  'allocation:propose',
  'allocation:approve',
  'allocation:giveup',
  'trade:affirm',
  'margin:call',
  'margin:recall',
  'withdrawal-address:propose',
  'withdrawal-address:approve',
  'report:submit',
  'report:correct',
]);

/**
 * Limits and hours bound the taking of risk. Cancelling takes risk away and reading moves nothing: neither
 * stops being possible because an order has grown too large or the day has ended.
 */
export function isBoundByLimits(action: string): boolean {
  return action !== 'order:cancel' && action !== 'order:mass-cancel' && !action.endsWith(':read');
}

/**
 * Do constraints permit this use? The first constraint that does not is named. A fact that is given is always
 * checked; a fact that is missing denies where the action cannot be judged without it (fail closed), and is
 * passed over where the action has no such fact.
 *
 * Status, dates and chain of the mandate are not asked here, nor is its running total, unless `notionalToday`
 * tells it.
 */
export function permits(constraints: Constraints, use: MandateUse): MandatePermission {
  const { action, cfi, venue, jurisdiction } = use;
  if (!constraints.actions.some((allowed) => allowed === action))
    return refuse('mandate_action', `The mandate does not allow ${printable(action)}.`);

  const risk = takesRisk.has(action);
  const value = risk || movesValue.has(action);
  const concerned = value || concernsAccounts.has(action);
  if (cfi === undefined ? risk : !constraints.productClasses.some((prefix) => cfi.startsWith(prefix)))
    return refuse('mandate_product', outside('product class', cfi));
  if (venue === undefined ? risk : !constraints.venues.includes(venue))
    return refuse('mandate_venue', outside('venue', venue));
  if (jurisdiction === undefined ? concerned : !constraints.jurisdictions.includes(jurisdiction))
    return refuse('mandate_jurisdiction', outside('jurisdiction', jurisdiction));
  const account = stranger(constraints.accounts, use.accounts, concerned);
  if (account !== undefined) return refuse('mandate_account', outside('account', account.value));
  const counterparty = stranger(constraints.counterparties, use.counterparties, concerned);
  if (counterparty !== undefined) return refuse('mandate_counterparty', outside('counterparty', counterparty.value));

  return isBoundByLimits(action) ? withinLimits(constraints, use, { risk, value }) : { ok: true };
}

/**
 * What a list of the mandate does not name. Where the list is there and the fact is not, that is a stranger without
 * a name, if the action needs the fact.
 */
function stranger<Value extends string>(
  allowed: readonly Value[] | undefined,
  named: readonly Value[] | undefined,
  needed: boolean,
): { readonly value?: Value } | undefined {
  if (allowed === undefined) return undefined;
  if (named === undefined) return needed ? {} : undefined;
  const value = named.find((each) => !allowed.includes(each));
  return value === undefined ? undefined : { value };
}

function withinLimits(
  constraints: Constraints,
  use: MandateUse,
  needs: { risk: boolean; value: boolean },
): MandatePermission {
  const { notional, notionalToday, quantity } = use;
  const { notionalPerOrder, notionalPerDay, quantityPerOrder, hours } = constraints;
  if (notional === undefined ? needs.value : notional.ccy !== notionalPerOrder.ccy)
    return notional === undefined
      ? refuse('mandate_notional', 'The mandate limits the notional, and it is not known here.')
      : refuse(
          'mandate_currency',
          `The mandate is limited in ${notionalPerOrder.ccy}; the notional is in ${notional.ccy}.`,
        );
  if (notional !== undefined && compareDecimals(notional.amount, notionalPerOrder.amount) > 0)
    return refuse(
      'mandate_notional',
      `The notional ${notional.amount} ${notional.ccy} is above the limit of ${notionalPerOrder.amount} per order.`,
    );
  if (notionalToday !== undefined && notionalToday.ccy !== notionalPerDay.ccy)
    return refuse(
      'mandate_currency',
      `The mandate is limited in ${notionalPerDay.ccy}; the day's total is in ${notionalToday.ccy}.`,
    );
  if (notional !== undefined) {
    const total = notionalToday === undefined ? notional.amount : addDecimals(notionalToday.amount, notional.amount);
    if (compareDecimals(total, notionalPerDay.amount) > 0)
      return refuse(
        'mandate_notional',
        `With it the day's total would be ${total} ${notional.ccy}, above the limit of ${notionalPerDay.amount}.`,
      );
  }
  if (
    quantityPerOrder !== undefined &&
    (quantity === undefined ? needs.risk : compareDecimals(quantity, quantityPerOrder) > 0)
  )
    return refuse(
      'mandate_quantity',
      `The quantity ${quantity ?? 'is not known here; it'} is above the limit of ${quantityPerOrder} per order.`,
    );
  if (hours !== undefined && !withinHours(hours, use.at))
    return refuse(
      'mandate_hours',
      `It is outside the mandate's hours: ${hours.from} until ${hours.until} ${hours.timeZone} on days ${hours.days.join(', ')} (1 is Monday).`,
    );
  return { ok: true };
}

function outside(what: string, value: string | undefined): string {
  return value === undefined
    ? `The mandate limits the ${what}, and it is not known here.`
    : `The mandate does not allow the ${what} ${printable(value)}.`;
}

/** Facts come from parsed details; an action may come from elsewhere and is repeated only when short and plain. */
function printable(text: string): string {
  return /^[\x21-\x7e]{1,64}$/.test(text) ? text : 'that was asked for';
}
