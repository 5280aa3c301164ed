export type { RefreshTokenBinding } from './refresh-token-binding.ts';
export { createRefreshTokens, type RefreshTokens, type RefreshTokensDependencies } from './refresh-tokens.ts';
