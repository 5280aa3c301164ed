import type { TransactionFacts } from '@countersign/contracts';
import { type DecimalString, type Json, parseDecimal } from '@countersign/kernel';

/** What the policies ask of a transaction's intent, whichever type it has. */
export interface IntentView {
  /** Four decimals at most, rounded up: Cedar's `decimal`. */
  readonly notional: string;
  readonly currency: string;
  readonly instrumentClass: string;
  readonly algorithmic: boolean;
  /** The artefact the intent names, where it names one whole. */
  readonly algo?: { readonly modelId: string; readonly version: string; readonly artifactSha256: string };
  readonly account?: string;
  readonly venue?: string;
}

/**
 * Reads the intent of a transaction for the policies.
 *
 * @returns undefined when the intent lacks what a decision needs; the caller then denies
 */
export function viewIntent(facts: TransactionFacts): IntentView | undefined {
  const { intent } = facts;
  const notional = member(intent['max_notional']);
  const amount = parseDecimal(notional?.['amount']);
  const currency = notional?.['ccy'];
  const instrument = member(intent['instrument']);
  const cfi = instrument?.['cfi'];
  if (amount === undefined || typeof currency !== 'string' || typeof cfi !== 'string') return undefined;
  const rounded = roundUpToFourDecimals(amount);
  if (rounded === undefined) return undefined;
  const { account, venue_mic: venue } = intent;
  return {
    notional: rounded,
    currency,
    instrumentClass: cfi,
    algorithmic: intent['algo'] !== undefined,
    ...algoOf(member(intent['algo'])),
    ...(typeof account === 'string' ? { account } : {}),
    ...(typeof venue === 'string' ? { venue } : {}),
  };
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
