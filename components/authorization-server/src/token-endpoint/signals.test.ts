import { describe, expect, it } from 'vitest';
import { createHarness } from '../testing/harness.ts';

/** The decision point looks up signals about people and software itself; the endpoint tells it the parties of the token. */
describe('whom a token is about', () => {
  it('is told to the policies, with nothing about how it stands with them', async () => {
    const { server, federated, policyEngine } = createHarness();
    await server.token(federated());
    expect(policyEngine.asked.at(-1)).toMatchObject({
      principal: 'person:anna.keller',
      context: { actors: ['service:order-desk'] },
    });
    expect(policyEngine.asked.at(-1)?.context).not.toHaveProperty('signals');
  });

  it('is everybody who acts, the one who exchanges it first', async () => {
    const { server, clientCredentials, order, exchange, policyEngine } = createHarness();
    const first = await server.token(
      clientCredentials({ scope: 'order:create trade:read', authorization_details: order() }),
    );
    expect(policyEngine.asked.at(-1)?.context).not.toHaveProperty('actors');
    await server.token(exchange(first.access_token));
    expect(policyEngine.asked.at(-1)).toMatchObject({
      principal: 'agent:vwap-1',
      context: { actors: ['service:venue'] },
    });
  });
});
