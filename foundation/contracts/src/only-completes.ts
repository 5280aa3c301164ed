import type { TransactionFacts } from './decisions.ts';

/** Clearing, settlement and reporting of an executed trade have intents of their own. */
const settling: ReadonlySet<string> = new Set([
  'urn:countersign:rar:v1:clearing_submission',
  'urn:countersign:rar:v1:settlement_instruction',
]);
const reporting = 'urn:countersign:rar:v1:regulatory_report';

/**
 * Whether steps of these scopes start nothing new: they end or continue an existing transaction
 * (`TransactionFacts.completingScopes`), clear or settle an executed trade that the registry knows, or report. A registration,
 * review or certificate that has lapsed since the start does not stop them.
 */
export function onlyCompletes(
  {
    intentType,
    tradeKnown,
    completingScopes,
  }: Pick<TransactionFacts, 'intentType' | 'tradeKnown' | 'completingScopes'>,
  scopes: readonly string[],
): boolean {
  if (intentType === reporting || (settling.has(intentType) && tradeKnown === true)) return true;
  return scopes.every((scope) => completingScopes?.includes(scope) === true);
}
