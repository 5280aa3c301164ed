import { addDecimals, compareDecimals } from '@countersign/kernel';
import { refuse } from '../parsed.ts';
import { assetStanding } from './asset-standing.ts';
import type { Constraints, WantedApproval } from './constraints-shape.ts';
import { withinHours } from './hours.ts';
import type { MandateUse } from './mandate-use.ts';
import { exceededWindow } from './window-limits.ts';

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
  /** An asset that is not listed, or a quantity above its limit. */
  | 'mandate_asset'
  | 'mandate_destination'
  /** A rolling limit is exceeded. */
  | 'mandate_limit'
  | 'mandate_approvals'
  | 'mandate_hours';

export type MandatePermission =
  | { readonly ok: true }
  | { readonly ok: false; readonly code: MandateRefusal; readonly detail: string };

/** Actions that take market risk: every constrained fact must be known. */
const takesRisk = new Set(['order:create', 'order:approve', 'rfq:create', 'rfq:respond', 'rfq:accept']);

/** Actions that send value to an address book entry. The entry must be known if the mandate limits destinations. */
const sendsValue = new Set(['withdrawal:request', 'withdrawal:approve', 'withdrawal:release']);

/** Actions that move value without an instrument or venue. Their value must be known. */
const movesValue = new Set([
  'settlement:instruct',
  'settlement:affirm',
  'settlement:release',
  'margin:pledge',
  'collateral:transfer',
  'collateral:approve',
  'withdrawal:request',
  'withdrawal:approve',
  'withdrawal:release',
]);

/** They have no value of their own; account and counterparty must be known if the mandate limits them. */
const concernsAccounts = new Set([
  'allocation:propose',
  'allocation:approve',
  'allocation:giveup',
  'trade:affirm',
  'margin:recall',
  'withdrawal-address:propose',
  'withdrawal-address:approve',
  'report:submit',
  'report:correct',
]);

/** Whether the action moves value without an instrument, so that the asset's own limit can replace a money value. */
export function doesMoveValue(action: string): boolean {
  return movesValue.has(action);
}

/** Cancelling and reading move nothing, so both stay possible outside limits and hours. */
export function isBoundByLimits(action: string): boolean {
  return action !== 'order:cancel' && !action.endsWith(':read');
}

/**
 * The first violated constraint. A missing fact denies if the action needs it.
 *
 * Status, dates and chain are not checked here; totals and approvals only if given.
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
  const account = firstOutside(constraints.accounts, use.accounts, concerned);
  if (account !== undefined) return refuse('mandate_account', outside('account', account.value));
  // An action that takes risk must name its counterparty, so an empty list counts as unknown.
  const facing = risk && use.counterparties?.length === 0 ? undefined : use.counterparties;
  const counterparty = firstOutside(constraints.counterparties, facing, concerned);
  if (counterparty !== undefined) return refuse('mandate_counterparty', outside('counterparty', counterparty.value));
  const named = use.destination === undefined ? undefined : [use.destination];
  const destination = firstOutside(constraints.destinations, named, sendsValue.has(action));
  if (destination !== undefined) return refuse('mandate_destination', outside('destination', destination.value));

  return isBoundByLimits(action) ? withinLimits(constraints, use, { risk, value }) : { ok: true };
}

/** If the fact is missing and the action needs it, the result is an unnamed value. */
function firstOutside<Value extends string>(
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
  const asset = assetStanding(constraints, use, needs.value && !needs.risk);
  if (asset.kind === 'refused') return refuse('mandate_asset', asset.detail);
  const bounded = asset.kind === 'bounded' && !needs.risk;
  if (notional === undefined) {
    if (needs.value && !bounded)
      return refuse('mandate_notional', 'The mandate limits the notional, and it is not known here.');
  } else if (notional.ccy !== notionalPerOrder.ccy) {
    // Listed money in another currency is bounded by its own limit; its notional cannot be compared.
    if (!bounded || use.asset?.ccy !== notional.ccy)
      return refuse(
        'mandate_currency',
        `The mandate is limited in ${notionalPerOrder.ccy}; the notional is in ${notional.ccy}.`,
      );
  } else if (compareDecimals(notional.amount, notionalPerOrder.amount) > 0)
    return refuse(
      'mandate_notional',
      `The notional ${notional.amount} ${notional.ccy} is above the limit of ${notionalPerOrder.amount} per order.`,
    );
  if (notionalToday !== undefined && notionalToday.ccy !== notionalPerDay.ccy)
    return refuse(
      'mandate_currency',
      `The mandate is limited in ${notionalPerDay.ccy}; the day's total is in ${notionalToday.ccy}.`,
    );
  if (notional !== undefined && notional.ccy === notionalPerDay.ccy) {
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
  const exceeded = exceededWindow(constraints.limits, use, needs.risk);
  if (exceeded !== undefined) return refuse('mandate_limit', exceeded);
  const missing = missingApproval(constraints.approvals, use.approvals);
  if (missing !== undefined)
    return refuse('mandate_approvals', `The mandate wants ${missing.count} approvals as ${missing.role}.`);
  if (hours !== undefined && !withinHours(hours, use.at))
    return refuse(
      'mandate_hours',
      `It is outside the mandate's hours: ${hours.from} until ${hours.until} ${hours.timeZone} on days ${hours.days.join(', ')} (1 is Monday).`,
    );
  return { ok: true };
}

/** Unknown approvals are not checked here, because an intent collects them after this check. */
function missingApproval(
  wanted: readonly WantedApproval[] | undefined,
  given: readonly WantedApproval[] | undefined,
): WantedApproval | undefined {
  if (given === undefined) return undefined;
  return wanted?.find(({ role, count }) => !given.some((each) => each.role === role && each.count >= count));
}

function outside(what: string, value: string | undefined): string {
  return value === undefined
    ? `The mandate limits the ${what}, and it is not known here.`
    : `The mandate does not allow the ${what} ${printable(value)}.`;
}

/** Facts come from parsed details. The action may be untrusted text and is repeated only if it is short and plain. */
function printable(text: string): string {
  return /^[\x21-\x7e]{1,64}$/.test(text) ? text : 'that was asked for';
}
