/**
 * The door for what signs and verifies alone: compact JWS, and keys. It loads nothing of trading, which access tokens
 * carry, so that a client starts in a fraction of the time.
 */
export { clockLeadSeconds } from './claims.ts';
export * from './jws.ts';
export * from './key-cache.ts';
