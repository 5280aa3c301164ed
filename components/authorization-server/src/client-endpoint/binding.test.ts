import { describe, expect, it } from 'vitest';
import { refusalOf, start } from '../testing/harness.ts';
import { tradingWorld } from '../testing/trading-world.ts';
import { bindingOf } from './client-endpoint.ts';

/** The binding that an endpoint with optional proofs gives a client that presents no key. */
function bound(binding: 'dpop' | 'mtls' | 'none') {
  const { directory, changeClient } = tradingWorld();
  changeClient('order-desk', { binding });
  const client = directory.snapshot().client('order-desk');
  if (client === undefined) throw new Error('not in the world');
  return async () => bindingOf({ client, now: start });
}

describe('what a token is bound to', () => {
  it('is never unbound for a client whose tokens must be bound', async () => {
    expect(await refusalOf(bound('dpop')())).toMatchObject({ code: 'invalid_dpop_proof', reason: 'proof_needed' });
    expect(await refusalOf(bound('mtls')())).toMatchObject({ code: 'invalid_request', reason: 'certificate_needed' });
    expect(await bound('none')()).toBeUndefined();
  });
});
