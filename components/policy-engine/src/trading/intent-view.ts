import type { TransactionFacts } from '@countersign/contracts';
import { type DecimalString, type Json, parseDecimal } from '@countersign/kernel';
import { type AuthorizationDetailType, isAuthorizationDetailType } from '@countersign/market';

/** What orders and requests for quotes have, and no other intent. */
export interface OrderView {
  /** Four decimals at most, rounded up: Cedar's `decimal`. */
  readonly notional: string;
  readonly currency: string;
  readonly instrumentClass: string;
}

/** What the policies ask of a transaction's intent, whichever type it has. */
export interface IntentView {
  /** LEI of the institution in whose name the intent is. */
  readonly entity: string;
  /** There if and only if the type has it. */
  readonly order?: OrderView;
  readonly algorithmic: boolean;
  /** The artefact the intent names, where it names one whole. */
  readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
  readonly account?: string;
  readonly venue?: string;
}

/** Types whose worth and instrument the policies judge: without these there is nothing to decide about. */
const orderTypes: ReadonlySet<AuthorizationDetailType> = new Set([
  'urn:countersign:rar:v1:trade_order',
  'urn:countersign:rar:v1:rfq',
]);

/**
 * Reads the intent of a transaction for the policies.
 *
 * @returns undefined when its type is unknown, or when it lacks what a decision about its type needs; the caller
 *   then denies
 */
export function viewIntent({ intentType, intent }: TransactionFacts): IntentView | undefined {
  const { entity_lei: entity, account, venue_mic: venue } = intent;
  if (!isAuthorizationDetailType(intentType) || typeof entity !== 'string') return undefined;
  const order = orderTypes.has(intentType) ? viewOrder(intent) : undefined;
  if (order === undefined && orderTypes.has(intentType)) return undefined;
  return {
    entity,
    ...(order === undefined ? {} : { order }),
    algorithmic: intent['algo'] !== undefined,
    ...algoOf(member(intent['algo'])),
    ...(typeof account === 'string' ? { account } : {}),
    ...(typeof venue === 'string' ? { venue } : {}),
  };
}

function viewOrder(intent: TransactionFacts['intent']): OrderView | undefined {
  const notional = member(intent['max_notional']);
  const amount = parseDecimal(notional?.['amount']);
  const currency = notional?.['ccy'];
  const instrument = member(intent['instrument']);
  const cfi = instrument?.['cfi'];
  if (amount === undefined || typeof currency !== 'string' || typeof cfi !== 'string') return undefined;
  const rounded = roundUpToFourDecimals(amount);
  return rounded === undefined ? undefined : { notional: rounded, currency, instrumentClass: cfi };
}

function algoOf(algo: Readonly<Record<string, Json>> | undefined): Pick<IntentView, 'algo'> {
  const { model_id: modelId, version, artifact_sha256: artifactSha256 } = algo ?? {};
  if (typeof modelId !== 'string' || typeof version !== 'string' || typeof artifactSha256 !== 'string') return {};
  return { algo: { modelId, version, artifactSha256 } };
}

/** Cedar's decimal ends at 922337203685477.5807; an amount beyond it is not compared wrongly but not at all. */
const largestDecimalWhole = 922_337_203_685_476n;

function roundUpToFourDecimals(amount: DecimalString): string | undefined {
  const [whole = '0', fraction = ''] = amount.split('.');
  if (BigInt(whole) > largestDecimalWhole) return undefined;
  if (fraction.length <= 4) return `${whole}.${fraction === '' ? '0' : fraction}`;
  const units = BigInt(whole) * 10_000n + BigInt(fraction.slice(0, 4)) + 1n;
  return `${units / 10_000n}.${(units % 10_000n).toString().padStart(4, '0')}`;
}

function member(value: Json | undefined): Readonly<Record<string, Json>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, Json>>)
    : undefined;
}
