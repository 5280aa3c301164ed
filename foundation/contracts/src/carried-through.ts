import type { TransactionFacts } from './decisions.ts';

/** What was executed is cleared and settled by intents of their own, and reported. */
const settling: ReadonlySet<string> = new Set([
  'urn:countersign:rar:v1:clearing_submission',
  'urn:countersign:rar:v1:settlement_instruction',
]);
const reporting = 'urn:countersign:rar:v1:regulatory_report';

/**
 * Whether steps of these scopes begin nothing new: they end what was begun or carry on what was executed
 * (`TransactionFacts.carriedThrough`), clear or settle an executed trade that the registry knows, or report. For them it is
 * enough that they could be begun once: a registration, a review or a certificate may have lapsed since.
 */
export function carriesThrough(
  { intentType, tradeKnown, carriedThrough }: Pick<TransactionFacts, 'intentType' | 'tradeKnown' | 'carriedThrough'>,
  scopes: readonly string[],
): boolean {
  if (intentType === reporting || (settling.has(intentType) && tradeKnown === true)) return true;
  return scopes.every((scope) => carriedThrough?.includes(scope) === true);
}
