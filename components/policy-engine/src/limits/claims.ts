import {
  type DirectorySnapshot,
  kindOfPrincipal,
  type LimitClaim,
  parsePrincipalId,
  policyErrors,
  type TransactionFacts,
} from '@countersign/contracts';
import { type DecimalString, parseDecimal } from '@countersign/kernel';
import { type AuthorizationDetail, instrumentId, intentUse, type Rfq, type TradeOrder } from '@countersign/market';
import { type LimitDefinition, type LimitDimension, limitDimensions, windowOf } from '../bundle/limit-definitions.ts';
import { takesApprovalsIn } from '../decision/find-remedies.ts';
import { detailOf } from '../trading/mandate-standing.ts';
import { type CountingCurrency, converted } from '../trading/reference-facts.ts';
import { countingApprovals } from '../trading/transaction.ts';

export interface AppliedClaim extends LimitClaim {
  /** The role whose approval permits an order to exceed this limit, and whether such an approval exists. */
  readonly pass?: { readonly role: string; readonly standing: boolean };
}

type Order = TradeOrder | Rfq;
type Values = Readonly<Record<LimitDimension, readonly string[]>>;

/**
 * The claims of an order, a request for quotes or cash collateral on each limit that applies: one for each key. Other intents claim
 * nothing; nor does collateral that is not cash, because its value is unknown.
 * @throws CodedError `limit_currency` when there is no rate into a limit's currency; `limit_amount` for an intent
 *   whose amounts cannot be read, or are too large to be counted
 */
export function claimsOf(
  facts: TransactionFacts,
  from: {
    readonly limits: readonly LimitDefinition[];
    readonly directory: DirectorySnapshot;
    readonly counting: CountingCurrency;
    /** Milliseconds since the epoch; decides which rates are too old. */
    readonly at: number;
  },
): readonly AppliedClaim[] {
  const counted = countedOf(facts, from.directory);
  if (counted === undefined) return [];
  const { values } = counted;
  return from.limits
    .filter((limit) => (limit.of ?? 'orders') === counted.of && appliesTo(limit, facts, counted))
    .flatMap((limit) => {
      const amount = amountOf(limit, counted, from);
      const pass = passOf(limit, facts, from.directory);
      return keysOf(limit.per, values).map((key) => ({
        limit: limit.id,
        key,
        measure: limit.measure,
        window: windowOf(limit),
        unit: limit.unit,
        amount,
        max: limit.max,
        ...(pass === undefined ? {} : { pass }),
      }));
    });
}

interface Counted {
  readonly of: NonNullable<LimitDefinition['of']>;
  readonly notional: { readonly amount: DecimalString; readonly ccy: string };
  readonly values: Values;
  /** For an order: its quantity, and the first letter of the CFI. */
  readonly quantity?: DecimalString;
  readonly product?: string;
}

function countedOf(facts: TransactionFacts, directory: DirectorySnapshot): Counted | undefined {
  const order = orderOf(facts);
  if (order === undefined) return collateralOf(facts, directory);
  return {
    of: 'orders',
    notional: order.max_notional,
    values: valuesOf(facts, order, directory),
    quantity: order.max_qty,
    product: productOf(order, directory),
  };
}

function collateralOf(facts: TransactionFacts, directory: DirectorySnapshot): Counted | undefined {
  if (facts.intentType !== 'urn:countersign:rar:v1:collateral_transfer') return undefined;
  const detail = detailOf(facts);
  if (detail?.type !== 'urn:countersign:rar:v1:collateral_transfer')
    throw policyErrors.error(
      'limit_amount',
      'The amount of this collateral intent cannot be read. Correct the intent.',
    );
  const { asset, qty, entity_lei: entity } = detail;
  if (!('ccy' in asset) || asset.ccy === undefined) return undefined;
  return {
    of: 'collateral',
    notional: { amount: qty, ccy: asset.ccy },
    values: { ...whoseOf(facts, directory), client: [entity], counterparty: [], instrument: [] },
  };
}

function orderOf(facts: TransactionFacts): Order | undefined {
  if (facts.intentType !== 'urn:countersign:rar:v1:trade_order' && facts.intentType !== 'urn:countersign:rar:v1:rfq')
    return undefined;
  const detail = detailOf(facts);
  if (detail === undefined || !isOrder(detail))
    throw policyErrors.error('limit_amount', 'The amounts of this order cannot be read. Correct the intent.');
  return detail;
}

function isOrder(detail: AuthorizationDetail): detail is Order {
  return detail.type === 'urn:countersign:rar:v1:trade_order' || detail.type === 'urn:countersign:rar:v1:rfq';
}

function valuesOf(facts: TransactionFacts, order: Order, directory: DirectorySnapshot): Values {
  const { cfi } = order.instrument;
  // The same counterparties as for the constraint of a mandate.
  const { counterparties = [] } = intentUse(order, { action: 'order:create', at: 0 });
  return {
    ...whoseOf(facts, directory),
    client: clientsOf(order, directory),
    counterparty: counterparties,
    instrument: [instrumentId(order.instrument) ?? `cfi:${cfi}`],
  };
}

function whoseOf(
  facts: TransactionFacts,
  directory: Pick<DirectorySnapshot, 'principal'>,
): Pick<Values, 'institution' | 'desk' | 'trader'> {
  const initiator = directory.principal(facts.initiator);
  return {
    institution: [facts.initiatorInstitution],
    desk: initiator?.desk === undefined ? [] : [`${initiator.institution}/${initiator.desk}`],
    trader: [facts.initiator],
  };
}

/** The institution in whose name the order is and the holder of the account: the limits of both apply. */
function clientsOf({ entity_lei: entity, account }: Order, directory: DirectorySnapshot): readonly string[] {
  const holder = directory.account(account)?.institution;
  return holder === undefined || holder === entity ? [entity] : [entity, holder];
}

/** First letter of the CFI, from reference data if it has the instrument. */
function productOf(order: Order, directory: Pick<DirectorySnapshot, 'instrument'>): string {
  const id = instrumentId(order.instrument);
  const known = id === undefined ? undefined : directory.instrument(id);
  return (known?.cfi ?? order.instrument.cfi).slice(0, 1);
}

function appliesTo(
  { only }: LimitDefinition,
  facts: TransactionFacts,
  { values, product: productDealt }: Counted,
): boolean {
  if (only === undefined) return true;
  const { institution, desk, trader, product, agents } = only;
  return (
    within(values.institution, institution) &&
    within(values.desk, desk) &&
    within(values.trader, trader) &&
    within(productDealt === undefined ? [] : [productDealt], product) &&
    (agents === undefined || agents === isAgent(facts.initiator))
  );
}

function within(values: readonly string[], named: readonly string[] | undefined): boolean {
  return named === undefined || values.some((value) => named.includes(value));
}

function isAgent(principal: string): boolean {
  const id = parsePrincipalId(principal);
  return id !== undefined && kindOfPrincipal(id) === 'agent';
}

function amountOf(
  limit: LimitDefinition,
  { notional, quantity }: Counted,
  from: { readonly directory: DirectorySnapshot; readonly counting: CountingCurrency; readonly at: number },
): DecimalString {
  if (limit.measure === 'quantity' && quantity !== undefined) return quantity;
  const { amount, ccy } = notional;
  const worth = converted(amount, { from: ccy, to: limit.unit }, from.directory, from);
  if (worth === undefined)
    throw policyErrors.error(
      'limit_currency',
      `The limit ${limit.id} is in ${limit.unit}, and reference data has no recent rate for ${ccy}. Have the rate recorded.`,
      { facts: { limit: limit.id, ccy, unit: limit.unit } },
    );
  const counted = parseDecimal(worth);
  if (counted === undefined)
    throw policyErrors.error('limit_amount', `The amount is too large for the limit ${limit.id}.`);
  return counted;
}

/** Approvals count as for policies. Undefined if there is none and the state accepts no more. */
function passOf(
  { overridable_by: role }: LimitDefinition,
  facts: TransactionFacts,
  directory: DirectorySnapshot,
): AppliedClaim['pass'] {
  if (role === undefined) return undefined;
  const standing = countingApprovals(facts, directory).some((approval) => approval.role === role);
  return standing || takesApprovalsIn(facts.intentType, facts.state) ? { role, standing } : undefined;
}

/** One key for each combination of values; none if the order has no value of a dimension. */
function keysOf(per: readonly LimitDimension[], values: Values): readonly string[] {
  return limitDimensions
    .filter((dimension) => per.includes(dimension))
    .reduce<readonly string[]>(
      (keys, dimension) =>
        keys.flatMap((key) =>
          values[dimension].map((value) => `${key}${key === '' ? '' : ';'}${dimension}=${unambiguous(value)}`),
        ),
      [''],
    );
}

/** Escapes separators, because the name of a desk may contain any character. */
function unambiguous(value: string): string {
  return value.replace(/[%;=]/g, (sign) => encodeURIComponent(sign));
}
