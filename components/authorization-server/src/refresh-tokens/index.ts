export { createRefreshTokens, type RefreshTokens } from './refresh-tokens.ts';
export type { RefreshTokenBinding } from './store.ts';
