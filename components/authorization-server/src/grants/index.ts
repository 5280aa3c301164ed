export { authorizationCode } from './authorization-code.ts';
export { authorizationGrants, type ChainedIssuer } from './authorization-grants.ts';
export { ciba } from './ciba.ts';
export { clientCredentials } from './client-credentials.ts';
export { jwtBearer } from './jwt-bearer.ts';
export { refreshToken } from './refresh-token.ts';
export { tokenExchange } from './token-exchange.ts';
export { type TrustDomain, transactionTokens } from './transaction-tokens.ts';
