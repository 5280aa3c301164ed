import { describe, expect, it } from 'vitest';
import { createHarness } from '../testing/harness.ts';

/** The decision point looks up signals about people and software itself; the endpoint tells it the parties of the token. */
describe('the parties of a token', () => {
  it('are passed to the policies without anything about their standing', async () => {
    const { server, federated, policyEngine } = createHarness();
    await server.token(federated());
    expect(policyEngine.asked.at(-1)).toMatchObject({
      principal: 'person:anna.keller',
      context: { actors: ['service:order-desk'] },
    });
    expect(policyEngine.asked.at(-1)?.context).not.toHaveProperty('signals');
  });

  it('are all actors, starting with the client that exchanges it', async () => {
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
