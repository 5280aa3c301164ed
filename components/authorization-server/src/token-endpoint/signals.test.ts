import { describe, expect, it } from 'vitest';
import { createHarness } from '../testing/harness.ts';

/** What is unusual about some; about everybody else nothing is. */
const unusual = (signals: Readonly<Record<string, readonly string[]>>) => (principal: string) =>
  signals[principal] ?? [];

describe('what is unusual about people', () => {
  it('is told to the policies with each token of theirs, as it stands at that moment', async () => {
    const standing: Record<string, readonly string[]> = {};
    const { server, federated, policyEngine, audit } = createHarness({ signalsOf: unusual(standing) });
    await server.token(federated());
    expect(policyEngine.asked.at(-1)?.context).not.toHaveProperty('signals');
    standing['person:anna.keller'] = ['device-new', 'failed-attempts'];
    await server.token(federated());
    expect(policyEngine.asked.at(-1)).toMatchObject({
      principal: 'person:anna.keller',
      context: { signals: ['device-new', 'failed-attempts'] },
    });
    expect(audit.last()).toMatchObject({ type: 'token.issued' });
  });

  it('counts for whoever acts for them as well, each signal once', async () => {
    const signalsOf = unusual({
      'agent:vwap-1': ['credential-compromised'],
      'service:venue': ['account-disabled', 'credential-compromised'],
      'person:carl.otto': ['impossible-travel'],
    });
    const { server, clientCredentials, order, exchange, policyEngine } = createHarness({ signalsOf });
    const first = await server.token(
      clientCredentials({ scope: 'order:create trade:read', authorization_details: order() }),
    );
    expect(policyEngine.asked.at(-1)?.context.signals).toEqual(['credential-compromised']);
    await server.token(exchange(first.access_token));
    expect(policyEngine.asked.at(-1)?.context.signals).toEqual(['account-disabled', 'credential-compromised']);
  });
});
