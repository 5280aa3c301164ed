export { type TrustDomain, transactionTokens } from './transaction-tokens.ts';
