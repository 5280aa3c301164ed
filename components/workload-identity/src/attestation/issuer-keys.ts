import { type ConfiguredDocuments, workloadErrors } from '@countersign/contracts';
import { type Clock, isCodedError, membersOf, parseJson } from '@countersign/kernel';
import type { IssuerKeys } from './signed-claims.ts';

const keptMs = 300_000;
const soonestMs = 10_000;

/** The keys in a JWK set; undefined for any other document. */
export function keysIn(text: string): readonly unknown[] | undefined {
  const parsed = parseJson(text);
  const keys = parsed.ok ? membersOf(parsed.value)?.['keys'] : undefined;
  return Array.isArray(keys) ? keys : undefined;
}

/** Keys that are pinned in the configuration. */
export const pinnedKeys = (keys: readonly unknown[]): IssuerKeys => ({
  find: async (kid) => keys.filter((jwk) => kid === undefined || kidOf(jwk) === kid),
});

/** Keys at an address, cached for five minutes. An unknown key id causes a request at most every ten seconds. */
export function fetchedKeys({
  address,
  documents,
  clock,
}: {
  readonly address: string;
  readonly documents: Pick<ConfiguredDocuments, 'get'>;
  readonly clock: Clock;
}): IssuerKeys {
  let keys: readonly unknown[] = [];
  let readAt = Number.NEGATIVE_INFINITY;

  async function read(): Promise<void> {
    readAt = clock.now();
    try {
      keys = keysIn((await documents.get(address, { maxBytes: 131_072 })).toString('utf8')) ?? [];
    } catch (error) {
      if (!isCodedError(error)) throw error;
      throw workloadErrors.error('workload_verifier_unavailable', `The keys at ${address} cannot be read.`, {
        cause: error,
      });
    }
  }
  const named = (kid: string | undefined) => keys.filter((jwk) => kid === undefined || kidOf(jwk) === kid);

  return {
    async find(kid) {
      const age = clock.now() - readAt;
      if (age >= keptMs || (named(kid).length === 0 && age >= soonestMs)) await read();
      return named(kid);
    },
  };
}

const kidOf = (jwk: unknown): unknown =>
  typeof jwk === 'object' && jwk !== null && 'kid' in jwk ? jwk.kid : undefined;
