import { compareDecimals, type DecimalString, unreachable, zero } from '@countersign/kernel';
import { type Currency, parseAmount } from '../codes/index.ts';
import type { Problem } from '../shape.ts';
import type { AddressBookChange } from './address-book-change.ts';
import type { Rfq } from './rfq.ts';
import type { TradeOrder } from './trade-order.ts';
import type { AuthorizationDetail } from './types.ts';

/** Returns the first violated rule between fields of a correctly shaped detail, or undefined. */
export function brokenRelation(detail: AuthorizationDetail, path: string): Problem | undefined {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return inOrder(detail, path);
    case 'urn:countersign:rar:v1:rfq':
      return askedItself(detail, path) ?? inOrder(detail, path);
    case 'urn:countersign:rar:v1:allocation':
      return repeated(detail.lines.map(({ account }) => account))
        ? problem(`${path}/lines`, 'account_twice', 'Two lines of the allocation name the same account.')
        : undefined;
    case 'urn:countersign:rar:v1:settlement_instruction':
      return (
        exactlyOne(detail, ['ccy', 'dti'], path) ??
        exactlyOne(detail.deliverer, ['account', 'address'], `${path}/deliverer`) ??
        exactlyOne(detail.receiver, ['account', 'address'], `${path}/receiver`) ??
        payable(detail.amount, detail.ccy, `${path}/amount`)
      );
    case 'urn:countersign:rar:v1:collateral_transfer':
      return (
        exactlyOne(detail.asset, ['isin', 'ccy', 'dti'], `${path}/asset`) ??
        payable(detail.qty, detail.asset.ccy, `${path}/qty`)
      );
    case 'urn:countersign:rar:v1:withdrawal':
      return payable(detail.amount, undefined, `${path}/amount`);
    case 'urn:countersign:rar:v1:privileged_admin':
      return detail.before_hash === undefined && detail.after_hash === undefined
        ? problem(path, 'hash_missing', 'A change names the hash of what is before it, of what is after it, or both.')
        : undefined;
    case 'urn:countersign:rar:v1:address_book_change':
      return exactlyOne(detail, ['address', 'account'], path) ?? destinationMembers(detail, path);
    case 'urn:countersign:rar:v1:clearing_submission':
    case 'urn:countersign:rar:v1:regulatory_report':
      return undefined;
    default:
      return unreachable(detail);
  }
}

/** A firm cannot request a quote from itself. */
function askedItself({ counterparties_lei: asked, entity_lei: entity }: Rfq, path: string): Problem | undefined {
  return asked.includes(entity)
    ? problem(`${path}/counterparties_lei`, 'counterparty_own', 'A firm does not ask itself for a quote: name others.')
    : undefined;
}

/** An account needs a place of settlement; neither kind may have the other's fields. */
function destinationMembers(entry: AddressBookChange, path: string): Problem | undefined {
  const ofAddress = ['asset', 'chain_id'] as const;
  const ofAccount = ['place_of_settlement'] as const;
  const isAddress = entry.address !== undefined;
  const wanted = isAddress ? ofAddress : ofAccount;
  const foreign = isAddress ? ofAccount : ([...ofAddress, 'memo'] as const);
  const missing = wanted.find((name) => entry[name] === undefined);
  const extra = foreign.find((name) => entry[name] !== undefined);
  const kind = isAddress ? 'A chain address' : 'A settlement account';
  if (missing !== undefined) return problem(path, 'destination_incomplete', `${kind} is named with its ${missing}.`);
  return extra === undefined
    ? undefined
    : problem(`${path}/${extra}`, 'destination_mixed', `${kind} is named without ${extra}.`);
}

function inOrder(order: TradeOrder | Rfq, path: string): Problem | undefined {
  return (
    exactlyOne(order.instrument, ['isin', 'upi', 'dti'], `${path}/instrument`) ??
    payable(order.max_notional.amount, order.max_notional.ccy, `${path}/max_notional/amount`)
  );
}

/** A payable amount is above zero and has no more decimals than the currency's minor unit. */
function payable(amount: DecimalString, ccy: Currency | undefined, path: string): Problem | undefined {
  if (compareDecimals(amount, zero) <= 0) return problem(path, 'amount_zero', 'An amount is above zero.');
  const parsed = ccy === undefined ? undefined : parseAmount(amount, ccy);
  return parsed?.ok === false ? problem(path, parsed.code, parsed.detail) : undefined;
}

export function exactlyOne<Keys extends string>(
  holder: { readonly [Key in Keys]?: unknown },
  keys: readonly Keys[],
  path: string,
): Problem | undefined {
  const present = keys.filter((key) => holder[key] !== undefined).length;
  return present === 1 ? undefined : problem(path, 'not_exactly_one', `Exactly one of ${keys.join(', ')} is named.`);
}

function repeated(values: readonly string[]): boolean {
  return new Set(values).size !== values.length;
}

function problem(path: string, code: string, detail: string): Problem {
  return { path, problem: code, detail };
}
