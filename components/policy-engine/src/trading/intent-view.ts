import type { TransactionFacts } from '@countersign/contracts';
import { type DecimalString, type Json, parseDecimal } from '@countersign/kernel';
import { type AuthorizationDetailType, isAuthorizationDetailType } from '@countersign/market';

/** An amount of money as an intent has it. */
interface Counted {
  readonly amount: DecimalString;
  readonly currency: string;
}

/** What the policies ask of a transaction's intent, whichever type it has. */
export interface IntentView {
  /** LEI of the institution in whose name the intent is. */
  readonly entity: string;
  /** What it is worth, at most; four decimals at most, rounded up: Cedar's `decimal`. Every order has it. */
  readonly notional?: string;
  readonly currency?: string;
  /** How much of the instrument or asset, at most; as `notional`. */
  readonly quantity?: string;
  /** The notional as it is written, or the money that is collateral: what is counted in the base currency. */
  readonly counted?: Counted;
  /** How much of the instrument, at most, as it is written. */
  readonly maxQuantity?: DecimalString;
  /** Absent: at market. */
  readonly limitPrice?: Counted;
  /** Every order has it. */
  readonly instrument?: { readonly id: string; readonly cfi: string };
  readonly algorithmic: boolean;
  /** The artefact the intent names, where it names one whole. */
  readonly algo?: {
    readonly artifactSha256: string;
    /** Of its certificate, where the intent names one. */
    readonly certId?: string;
    readonly modelId: string;
    readonly version: string;
  };
  readonly account?: string;
  /** To which an allocation distributes what was executed. */
  readonly allocatedTo?: readonly string[];
  readonly venue?: string;
  /** ISO 3166-1. */
  readonly jurisdiction?: string;
  /** LEIs of every institution that the intent names beside `entity`, then of those who receive what it moves, each once. */
  readonly parties: readonly string[];
}

/** Types whose worth and instrument the policies judge: without these there is nothing to decide about. */
const orderTypes: ReadonlySet<AuthorizationDetailType> = new Set([
  'urn:countersign:rar:v1:trade_order',
  'urn:countersign:rar:v1:rfq',
]);

type Intent = TransactionFacts['intent'];

/**
 * Reads the intent of a transaction for the policies.
 *
 * @returns undefined when its type is unknown, or when it lacks what a decision about its type needs, or has it in a
 *   size that cannot be compared; the caller then denies
 */
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
  const instrument = instrumentOf(member(intent['instrument']));
  if (orderTypes.has(intentType) && (worth === undefined || instrument === undefined)) return undefined;
  const algo = algoOf(member(intent['algo']));
  // Assigned one by one: this is done for every decision, and an object spread for each member costs more than reading it.
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
  const limitPrice = countedOf(member(intent['limit_price']));
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
  const counted = countedOf(member(intent['max_notional']) ?? (intent['ccy'] === undefined ? undefined : intent));
  if (counted === undefined) return undefined;
  const notional = roundUpToFourDecimals(counted.amount);
  return notional === undefined ? 'incomparable' : { notional, currency: counted.currency };
}

/** The same as it is written, and of collateral that is money. */
function countedIn(intent: Intent): Counted | undefined {
  const { max_notional: most, asset, qty } = intent;
  if (most !== undefined || asset === undefined || qty === undefined) return countedOf(member(most) ?? intent);
  return countedOf({ amount: qty, ccy: member(asset)?.['ccy'] ?? null });
}

function countedOf(money: Readonly<Record<string, Json>> | undefined): Counted | undefined {
  const amount = parseDecimal(money?.['amount']);
  const currency = money?.['ccy'];
  return amount === undefined || typeof currency !== 'string' ? undefined : { amount, currency };
}

/** Of an order, of collateral, of an asset that leaves. */
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
  const accounts = lines.map((line) => member(line)?.['account']).filter((account) => typeof account === 'string');
  return [...new Set(accounts)];
}

const none: readonly string[] = [];

/** Members by which the types of intents name institutions, beside `entity_lei` and `parties`. */
const namedBy = ['giveup_to_lei', 'ccp_lei', 'clearing_firm_lei', 'beneficiary_lei', 'tr_lei'] as const;

function partiesIn(intent: Intent, receivers: readonly string[] = none): readonly string[] {
  const named: string[] = [];
  const add = (lei: Json | undefined): void => {
    // A handful at most, so that looking through them is the quickest way.
    if (typeof lei === 'string' && !named.includes(lei)) named.push(lei);
  };
  const { parties, counterparties_lei: asked } = intent;
  if (Array.isArray(parties)) for (const party of parties) add(member(party)?.['lei']);
  if (Array.isArray(asked)) for (const lei of asked) add(lei);
  for (const name of namedBy) add(intent[name]);
  add(member(intent['deliverer'])?.['lei']);
  add(member(intent['receiver'])?.['lei']);
  for (const lei of receivers) add(lei);
  return named;
}

function algoOf(algo: Readonly<Record<string, Json>> | undefined): IntentView['algo'] {
  const { model_id: modelId, version, artifact_sha256: artifactSha256, cert_id: certId } = algo ?? {};
  if (typeof modelId !== 'string' || typeof version !== 'string' || typeof artifactSha256 !== 'string')
    return undefined;
  return { artifactSha256, ...(typeof certId === 'string' ? { certId } : {}), modelId, version };
}

/** Cedar's decimal ends at 922337203685477.5807; an amount beyond it is not compared wrongly but not at all. */
const largestDecimalWhole = 922_337_203_685_476n;

/** So many digits are below it, whatever they are. */
const digitsOfAnyAmount = 14;

/** Up, so that no threshold is passed by rounding. @returns undefined for what Cedar's decimal cannot hold */
export function roundUpToFourDecimals(amount: DecimalString): string | undefined {
  const point = amount.indexOf('.');
  const whole = point === -1 ? amount : amount.slice(0, point);
  if (whole.length > digitsOfAnyAmount && BigInt(whole) > largestDecimalWhole) return undefined;
  if (point === -1) return `${amount}.0`;
  if (amount.length - point <= 5) return amount;
  const units = BigInt(whole) * 10_000n + BigInt(amount.slice(point + 1, point + 5)) + 1n;
  return `${units / 10_000n}.${(units % 10_000n).toString().padStart(4, '0')}`;
}

function member(value: Json | undefined): Readonly<Record<string, Json>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : undefined;
}
