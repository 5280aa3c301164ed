export { contentOf } from './content.ts';
export { definitionKey, type Proposal, type SecretsState } from './fold.ts';
export { createLedger, type Ledger } from './ledger.ts';
