import { type Clock, systemClock } from '@countersign/kernel';
import type { Client, Token } from './client.ts';

/** One token per interface and scope, renewed 30 seconds before it expires. */
export function createTokenSource(options: {
  readonly client: Pick<Client, 'clientCredentials'>;
  readonly clock?: Clock;
}): (resource: string, scope: string) => Promise<Token> {
  const { client, clock = systemClock } = options;
  const tokens = new Map<string, Token>();
  return async (resource, scope) => {
    const key = `${resource} ${scope}`;
    const held = tokens.get(key);
    if (held !== undefined && held.expiresAt - 30_000 > clock.now()) return held;
    const fresh = await client.clientCredentials({ resource, scope });
    tokens.set(key, fresh);
    return fresh;
  };
}
