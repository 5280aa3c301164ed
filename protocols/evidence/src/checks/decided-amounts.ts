import { type DecimalString, type Json, membersOf, parseDecimal } from '@countersign/kernel';

type Intent = Readonly<Record<string, Json>>;

/** As the policies see it: rounded up to the four decimals of a Cedar decimal. */
export function worthOf(intent: Intent): { readonly amount: string; readonly currency: string } | undefined {
  const most = membersOf(intent['max_notional']) ?? (intent['ccy'] === undefined ? undefined : intent);
  const amount = parseDecimal(most?.['amount']);
  const currency = most?.['ccy'];
  return amount === undefined || typeof currency !== 'string'
    ? undefined
    : { amount: roundUpToFourDecimals(amount), currency };
}

/** As the policies see it. */
export function sizeOf(intent: Intent): string | undefined {
  const inAssets = intent['asset'] === undefined ? undefined : (intent['qty'] ?? intent['amount']);
  const amount = parseDecimal(intent['max_qty'] ?? inAssets);
  return amount === undefined ? undefined : roundUpToFourDecimals(amount);
}

function roundUpToFourDecimals(amount: DecimalString): string {
  const point = amount.indexOf('.');
  if (point === -1) return `${amount}.0`;
  if (amount.length - point <= 5) return amount;
  const units = BigInt(amount.slice(0, point)) * 10_000n + BigInt(amount.slice(point + 1, point + 5)) + 1n;
  return `${units / 10_000n}.${(units % 10_000n).toString().padStart(4, '0')}`;
}
