import type { TransactionFacts } from '@countersign/contracts';
import { type DecimalString, type Json, membersOf, parseDecimal } from '@countersign/kernel';
import { type AuthorizationDetailType, isAuthorizationDetailType } from '@countersign/market';

interface Counted {
  readonly amount: DecimalString;
  readonly currency: string;
}

export interface IntentView {
  /** LEI of the institution in whose name the intent is. */
  readonly entity: string;
  /** Maximum value, rounded up to the four decimals of Cedar's `decimal`. Every order has it. */
  readonly notional?: string;
  readonly currency?: string;
  /** Maximum quantity of the instrument or asset, rounded like `notional`. */
  readonly quantity?: string;
  /** The unrounded notional or cash collateral, for conversion into the base currency. */
  readonly counted?: Counted;
  readonly maxQuantity?: DecimalString;
  /** Absent for a market order. */
  readonly limitPrice?: Counted;
  /** Every order has it. */
  readonly instrument?: { readonly id: string; readonly cfi: string };
  readonly algorithmic: boolean;
  readonly algo?: {
    readonly artifactSha256: string;
    readonly certId?: string;
    readonly modelId: string;
    readonly version: string;
  };
  readonly account?: string;
  readonly allocatedTo?: readonly string[];
  readonly venue?: string;
  /** ISO 3166-1. */
  readonly jurisdiction?: string;
  /** LEIs of all other institutions in the intent, then of the receivers of its assets, without duplicates. */
  readonly parties: readonly string[];
}

/** Types that must have a value and an instrument to be decided. */
const orderTypes: ReadonlySet<AuthorizationDetailType> = new Set([
  'urn:countersign:rar:v1:trade_order',
  'urn:countersign:rar:v1:rfq',
]);

type Intent = TransactionFacts['intent'];

/** @returns undefined (a deny) for an unknown type, a missing member, or an amount too large to compare */
export function viewIntent({
  intentType,
  intent,
  receivers,
}: Pick<TransactionFacts, 'intentType' | 'intent' | 'receivers'>): IntentView | undefined {
  const { entity_lei: entity, account, venue_mic: venue, jurisdiction } = intent;
  if (!isAuthorizationDetailType(intentType) || typeof entity !== 'string') return undefined;
  const worth = worthOf(intent);
  const size = sizeOf(intent);
  if (worth === 'incomparable' || size === 'incomparable') return undefined;
  const instrument = instrumentOf(membersOf(intent['instrument']));
  if (orderTypes.has(intentType) && (worth === undefined || instrument === undefined)) return undefined;
  const algo = algoOf(membersOf(intent['algo']));
  // Assigns members one by one on this hot path, because an object spread for each member costs more than reading it.
  const view: { -readonly [Member in keyof IntentView]: IntentView[Member] } = {
    entity,
    algorithmic: intent['algo'] !== undefined,
    parties: partiesIn(intent, receivers),
  };
  if (worth !== undefined) {
    view.notional = worth.notional;
    view.currency = worth.currency;
  }
  if (size !== undefined) view.quantity = size;
  const counted = countedIn(intent);
  if (counted !== undefined) view.counted = counted;
  const maxQuantity = parseDecimal(intent['max_qty']);
  if (maxQuantity !== undefined) view.maxQuantity = maxQuantity;
  const limitPrice = countedOf(membersOf(intent['limit_price']));
  if (limitPrice !== undefined) view.limitPrice = limitPrice;
  if (instrument !== undefined) view.instrument = instrument;
  if (algo !== undefined) view.algo = algo;
  if (typeof account === 'string') view.account = account;
  const { lines } = intent;
  if (Array.isArray(lines)) view.allocatedTo = accountsOf(lines);
  if (typeof venue === 'string') view.venue = venue;
  if (typeof jurisdiction === 'string') view.jurisdiction = jurisdiction;
  return view;
}

/** An order's `max_notional`, or the amount that a settlement moves. */
function worthOf(intent: Intent): { notional: string; currency: string } | 'incomparable' | undefined {
  const counted = countedOf(membersOf(intent['max_notional']) ?? (intent['ccy'] === undefined ? undefined : intent));
  if (counted === undefined) return undefined;
  const notional = roundUpToFourDecimals(counted.amount);
  return notional === undefined ? 'incomparable' : { notional, currency: counted.currency };
}

/** The unrounded amount, also for cash collateral. */
function countedIn(intent: Intent): Counted | undefined {
  const { max_notional: most, asset, qty } = intent;
  if (most !== undefined || asset === undefined || qty === undefined) return countedOf(membersOf(most) ?? intent);
  return countedOf({ amount: qty, ccy: membersOf(asset)?.['ccy'] ?? null });
}

function countedOf(money: Readonly<Record<string, Json>> | undefined): Counted | undefined {
  const amount = parseDecimal(money?.['amount']);
  const currency = money?.['ccy'];
  return amount === undefined || typeof currency !== 'string' ? undefined : { amount, currency };
}

/** The quantity of an order, of collateral, or of a withdrawn asset. */
function sizeOf(intent: Intent): string | 'incomparable' | undefined {
  const inAssets = intent['asset'] === undefined ? undefined : (intent['qty'] ?? intent['amount']);
  const amount = parseDecimal(intent['max_qty'] ?? inAssets);
  return amount === undefined ? undefined : (roundUpToFourDecimals(amount) ?? 'incomparable');
}

function instrumentOf(instrument: Readonly<Record<string, Json>> | undefined): IntentView['instrument'] {
  const { cfi, isin, upi, dti } = instrument ?? {};
  if (typeof cfi !== 'string') return undefined;
  const id = typeof isin === 'string' ? isin : typeof upi === 'string' ? upi : dti;
  return { id: typeof id === 'string' ? id : `cfi:${cfi}`, cfi };
}

function accountsOf(lines: readonly Json[]): readonly string[] {
  const accounts = lines.map((line) => membersOf(line)?.['account']).filter((account) => typeof account === 'string');
  return [...new Set(accounts)];
}

const none: readonly string[] = [];

/** Members by which the types of intents name institutions, beside `entity_lei` and `parties`. */
const namedBy = ['giveup_to_lei', 'ccp_lei', 'clearing_firm_lei', 'beneficiary_lei', 'tr_lei'] as const;

function partiesIn(intent: Intent, receivers: readonly string[] = none): readonly string[] {
  const named: string[] = [];
  const add = (lei: Json | undefined): void => {
    // A linear search is fastest for a handful of entries.
    if (typeof lei === 'string' && !named.includes(lei)) named.push(lei);
  };
  const { parties, counterparties_lei: asked } = intent;
  if (Array.isArray(parties)) for (const party of parties) add(membersOf(party)?.['lei']);
  if (Array.isArray(asked)) for (const lei of asked) add(lei);
  for (const name of namedBy) add(intent[name]);
  add(membersOf(intent['deliverer'])?.['lei']);
  add(membersOf(intent['receiver'])?.['lei']);
  for (const lei of receivers) add(lei);
  return named;
}

function algoOf(algo: Readonly<Record<string, Json>> | undefined): IntentView['algo'] {
  const { model_id: modelId, version, artifact_sha256: artifactSha256, cert_id: certId } = algo ?? {};
  if (typeof modelId !== 'string' || typeof version !== 'string' || typeof artifactSha256 !== 'string')
    return undefined;
  return { artifactSha256, ...(typeof certId === 'string' ? { certId } : {}), modelId, version };
}

/** Cedar's decimal ends at 922337203685477.5807; larger amounts are never compared. */
const largestDecimalWhole = 922_337_203_685_476n;

/** Every number with this many digits is below the maximum. */
const digitsOfAnyAmount = 14;

/** Rounds up, so that rounding never lowers an amount below a threshold. @returns undefined if Cedar's decimal cannot hold it */
export function roundUpToFourDecimals(amount: DecimalString): string | undefined {
  const point = amount.indexOf('.');
  const whole = point === -1 ? amount : amount.slice(0, point);
  if (whole.length > digitsOfAnyAmount && BigInt(whole) > largestDecimalWhole) return undefined;
  if (point === -1) return `${amount}.0`;
  if (amount.length - point <= 5) return amount;
  const units = BigInt(whole) * 10_000n + BigInt(amount.slice(point + 1, point + 5)) + 1n;
  return `${units / 10_000n}.${(units % 10_000n).toString().padStart(4, '0')}`;
}
