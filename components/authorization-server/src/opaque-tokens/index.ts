export { createOpaqueTokens, isOpaqueToken, type OpaqueTokens } from './opaque-tokens.ts';
