import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AuthorizationWorld, openAuthorizationWorld } from '../testing/authorization-world.ts';
import { textIn } from '../testing/code-flow.ts';
import {
  authenticationRules,
  expectVerdict,
  faultsIn,
  mutationsOf,
  type ParameterRule,
  transportCases,
} from '../testing/negative-matrix.ts';
import type { Fields, RawClient } from '../testing/raw-client.ts';
import type { WireAnswer } from '../testing/wire.ts';

// Introspection by the interface that a token is for (RFC 7662, RFC 9701), and revocation by the client it was issued to (RFC
// 7009). Both answer anything that is not a token alike: not active, and nothing to revoke.

let world: AuthorizationWorld;

beforeAll(async () => {
  world = await openAuthorizationWorld();
});
afterAll(() => world?.stop());

/** Of the operator's institution, whose interfaces the tokens of these tests are for. */
const operator = () => world.controlPlane.operator.client;

/** A token that this client may use at one of the firm's own interfaces. */
async function tokenOf(client: RawClient): Promise<string> {
  return textIn(
    await client.post('/token', [
      ['grant_type', 'client_credentials'],
      ['resource', `${world.issuer}/transactions`],
      ['scope', 'settlement:read'],
    ]),
    'access_token',
  );
}
const traderToken = () =>
  world.trading.traderToken(world.trading.order(world.mandate)).then(({ accessToken }) => accessToken);

const missing = '400 invalid_request parameter_missing';

describe.each<readonly [string, () => RawClient, (answer: WireAnswer) => void]>([
  [
    '/introspect',
    () => world.firm('brk-orders'),
    // RFC 7662 section 2.2: nothing else, not even a reason.
    ({ status, body }) => expect([status, body]).toEqual([200, '{"active":false}']),
  ],
  [
    '/revoke',
    () => world.firm('clr-core'),
    // RFC 7009 section 2.2.
    ({ status, body }) => expect([status, body]).toEqual([200, '']),
  ],
])('%s', (path, client, expectNothing) => {
  const another = () => world.firm('cus-core');
  const valid = (): Fields => [...client().authentication(), ['token', 'text'], ['token_type_hint', 'access_token']];
  const oversized = '400 invalid_request parameter_unsupported';
  const rules: readonly ParameterRule[] = [
    { name: 'token', missing, oversized, malformed: [['one character too long', 'x'.repeat(16_385), oversized]] },
    {
      name: 'token_type_hint',
      // Only a hint (RFC 7009 section 2.1): a wrong one is ignored.
      missing: 'accepted',
      oversized: 'accepted',
      malformed: [
        ['another', 'refresh_token', 'accepted'],
        ['unknown', 'pac_token', 'accepted'],
        ['a list in JSON', '["access_token"]', 'accepted'],
      ],
    },
  ];

  it.each(mutationsOf([...authenticationRules(client, another), ...rules]))(
    '$name: $verdict',
    async ({ of, verdict }) => {
      const fields = of(valid());
      const answer = await client().postOnly(path, fields);
      expectVerdict(answer, verdict, fields);
      if (verdict === 'accepted') expectNothing(answer);
    },
  );

  it.each(transportCases)('refuses $name', async ({ send, verdict }) => {
    const fields = valid();
    expectVerdict(await send(client(), world.issuer + path, fields), verdict, fields);
  });

  it.each<readonly [string, () => string | Promise<string>]>([
    ['one character', () => 'x'],
    ['dots', () => '..'],
    ['as long as a token may be', () => 'x'.repeat(16_384)],
    ['JSON', () => '{"token":"x"}'],
    ['a reference that nobody was given', () => 'A'.repeat(43)],
    ['a token whose payload was changed', async () => changed(await traderToken(), 1)],
    ['a token whose header was changed', async () => changed(await traderToken(), 0)],
    ['a token whose signature was changed', async () => changed(await traderToken(), 2)],
    ['a token without its signature', async () => `${(await traderToken()).split('.').slice(0, 2).join('.')}.`],
    ['a token with a fourth part', async () => `${await traderToken()}.x`],
    ['a token in capitals', async () => (await traderToken()).toUpperCase()],
  ])('gives the same answer to text that is not a token: %s', async (_, token) => {
    const value = await token();
    expectNothing(await client().post(path, [['token', value]]));
  });

  it('has never failed with an internal error', () => {
    expect(faultsIn(world.logged())).toEqual([]);
  });
});

/** With another character in the middle of one of its parts. */
function changed(token: string, part: 0 | 1 | 2): string {
  return token
    .split('.')
    .map((text, index) => {
      const at = Math.floor(text.length / 2);
      return index === part ? `${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}` : text;
    })
    .join('.');
}

describe('introspection', () => {
  it('discloses a token only to the institution of its audience', async () => {
    const token = await traderToken();
    const asked = async (client: RawClient) => (await client.post('/introspect', [['token', token]])).body;
    expect(JSON.parse(await asked(world.firm('brk-orders')))).toMatchObject({ active: true, aud: expect.any(String) });
    // Neither to the client that it was issued to, nor to its institution, nor to the next in the chain.
    for (const client of [
      world.firm('ha-oms'),
      world.firm('ha-approvals'),
      world.firm('clr-core'),
      world.party('desk-dpop'),
    ])
      expect(await asked(client)).toBe('{"active":false}');
  });

  it('is recorded, whatever it answers, and the record holds only the hash of the token', async () => {
    const token = await traderToken();
    const before = await world.recorded(world.firm('clr-core'), 'token.introspected');
    await world.firm('clr-core').post('/introspect', [['token', token]]);
    expect(await world.recorded(world.firm('clr-core'), 'token.introspected')).toBe(before + 1);
    expect(JSON.stringify(await world.controlPlane.operator.records({ type: 'token.introspected' }))).not.toContain(
      token.split('.')[2],
    );
  });

  it('gives the signed form only for its own media type', async () => {
    const token = await traderToken();
    const typeFor = async (accept: string) => {
      const answer = await world.firm('brk-orders').post('/introspect', [['token', token]], { headers: { accept } });
      return answer.headers['content-type']?.split(';')[0];
    };
    expect(await typeFor('application/token-introspection+jwt')).toBe('application/token-introspection+jwt');
    for (const accept of [
      'application/json',
      '*/*',
      'application/jwt',
      '',
      'x'.repeat(5_000),
      'application/token-introspection',
    ])
      expect(await typeFor(accept)).toBe('application/json');
  });
});

describe('revocation', () => {
  it('ends a token of the requesting client, and no other', async () => {
    const [clearing, custodian] = [world.firm('clr-core'), world.firm('cus-core')];
    const token = await tokenOf(clearing);
    expectVerdict(await custodian.post('/revoke', [['token', token]]), '400 invalid_request token_of_another_client');
    expect(await operator().introspect(token)).toMatchObject({ client_id: 'clr-core' });
    expectVerdict(await clearing.post('/revoke', [['token', token]]), 'accepted');
    expect(await operator().introspect(token)).toBeUndefined();
    // Repeating it is no error (RFC 7009 section 2.2).
    expectVerdict(await clearing.post('/revoke', [['token', token]]), 'accepted');
  });

  it('lets only the client that a refresh token was issued to revoke its consent', async () => {
    const desk = world.party('desk-dpop');
    const flow = world.flow(desk);
    const allowed = await flow.allow([['scope', 'openid offline_access']]);
    const refreshToken = textIn(await flow.redeem(allowed), 'refresh_token');
    // A client that guesses one holds it already: the answer says that it is not its own, and it can end nothing with it.
    expectVerdict(
      await world.firm('clr-core').post('/revoke', [['token', refreshToken]]),
      '400 invalid_request token_of_another_client',
    );
    expectVerdict(await flow.refresh(refreshToken), 'accepted');
    expectVerdict(
      await desk.post('/revoke', [
        ['token', refreshToken],
        ['token_type_hint', 'access_token'],
      ]),
      'accepted',
    );
    expectVerdict(await flow.refresh(refreshToken), '400 invalid_grant grant_ended');
  });
});
