import type { RevocationTarget } from '@countersign/contracts';
import { epochSeconds, newId, systemRandom } from '@countersign/kernel';
import { type RevocableClaims, revocationKey } from '@countersign/oauth';
import { type FixedClock, leiOf } from '@countersign/testkit';

let count = 0;

/** Independent tokens issued now, and the target that ends each. */
export const revocable = (clock: FixedClock) => ({
  claims(): RevocableClaims {
    const number = ++count;
    const from = { clock, random: systemRandom };
    clock.advance(2_000);
    return {
      ...{ iat: epochSeconds(clock.now()), jti: newId('token', from), lei: leiOf(`529900FIRM${number}`) },
      ...{ sub: `person:tom.trader${number}`, client_id: `client-${number}` },
      mandate: { id: newId('mandate', from), version: 1 },
      grant: revocationKey({ kind: 'grant', id: newId('grant', from) }),
    };
  },
  targets: ({ jti, sub, client_id: client, mandate, lei }: RevocableClaims): readonly RevocationTarget[] => [
    { kind: 'token', id: jti },
    { kind: 'principal', id: sub },
    { kind: 'client', id: client },
    ...(mandate === undefined ? [] : [{ kind: 'mandate', id: mandate.id } as const]),
    { kind: 'partner', id: lei },
  ],
});
