import type { TokenResponse } from '@countersign/contracts';
import { digestOf, sha256Base64Url } from '@countersign/kernel';
import { jwtAuthorizationGrantTokenType, transactionTokenType } from '@countersign/oauth';
import { signJws } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import type { AuthorizationServerConfig } from '../config.ts';
import { claimsOf, createHarness, type Harness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, clearing, clearingTrades, ourDecisions, venue, venueOrders } from '../testing/trading-world.ts';

const trustDomain = 'trust.venue.example';
const otherServer = 'https://as.other.example';
const config = {
  transactionTokens: 'draft-10',
  trustDomains: [
    { name: trustDomain, institutions: [venue] },
    { name: 'trust.clearing.example', institutions: [clearing] },
  ],
  identityChaining: 'draft-17',
  chainedIssuers: [
    { issuer: otherServer, institutions: [broker, venue] },
    { issuer: 'https://as.third.example', institutions: [venue] },
    { issuer: 'https://as.clearing.example', institutions: [clearing, broker] },
  ],
} satisfies Partial<AuthorizationServerConfig>;

const classes = [
  {
    name: 'a transaction token',
    requested: transactionTokenType,
    audience: trustDomain,
    foreign: 'trust.clearing.example',
    typ: 'txntoken+jwt',
    off: { transactionTokens: 'off' },
  },
  {
    name: 'an authorization grant',
    requested: jwtAuthorizationGrantTokenType,
    audience: otherServer,
    foreign: 'https://as.clearing.example',
    typ: 'authorization-grant+jwt',
    off: { identityChaining: 'off' },
  },
] as const;

type Change = Readonly<Record<string, string | undefined>>;

/** An agent's token for the venue, with an intent. */
function tokenAtVenue({ server, clientCredentials, order }: Harness): Promise<TokenResponse> {
  return server.token(
    clientCredentials({ scope: 'order:create trade:read settlement:instruct', authorization_details: order() }),
  );
}

describe.each(classes)('an exchange for $name', ({ requested, audience, foreign, typ, off }) => {
  const form: Change = {
    requested_token_type: requested,
    resource: undefined,
    audience,
    scope: 'trade:read settlement:instruct',
  };
  const ask = (harness: Harness, subject: string, change: Change = {}, client?: string) =>
    harness.server.token(harness.exchange(subject, { ...form, ...change }, client));

  async function asked() {
    const harness = createHarness({ config });
    const first = await tokenAtVenue(harness);
    return { ...harness, harness, first, before: claimsOf(first) };
  }

  it('issues a token that is not an access token', async () => {
    const { harness, first, signer } = await asked();
    const answer = await ask(harness, first.access_token);
    expect(answer).toMatchObject({
      token_type: 'N_A',
      issued_token_type: requested,
      expires_in: 60,
      scope: 'settlement:instruct trade:read',
      txn: first.txn,
    });
    expect(answer).not.toHaveProperty('refresh_token');
    const [header = ''] = answer.access_token.split('.');
    const [key] = await signer.publicKeys('transaction-token');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toEqual({ alg: 'ES256', typ, kid: key?.kid });
    expect(claimsOf(answer)).toMatchObject({ iss: issuer, aud: audience, sub: 'agent:vwap-1' });
  });

  it('is recorded with both tokens before release, as every exchange is', async () => {
    const { harness, first, before, audit, policyEngine, consentStore } = await asked();
    const answer = await ask(harness, first.access_token);
    const record = audit.last();
    expect(record).toMatchObject({
      type: 'token.exchanged',
      outcome: 'permit',
      transaction: first.txn,
      subject: { id: 'agent:vwap-1', institution: broker },
      actors: [{ id: 'service:venue', institution: venue }],
      client: 'venue-gateway',
      audience: [audience],
      references: [policyEngine.policyRecord, consentStore.mandate.recordId, before['evidence']],
      data: {
        issued_token_type: requested,
        token_sha256: sha256Base64Url(answer.access_token),
        claims: {
          aud: audience,
          sub: 'agent:vwap-1',
          act: { sub: 'service:venue' },
          scope: 'settlement:instruct trade:read',
          txn: before['txn'],
          intent_digest: before['intent_digest'],
          mandate: before['mandate'],
          evidence: record.id,
        },
        subject_token: { jti: before['jti'], record: before['evidence'], claims_digest: digestOf(before) },
      },
    });
    audit.breakDown();
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ code: 'temporarily_unavailable' });
  });

  it('asks the policies for its audience', async () => {
    const { harness, first, policyEngine } = await asked();
    await ask(harness, first.access_token);
    expect(policyEngine.asked.at(-1)).toMatchObject({
      action: 'token:issue',
      context: { audience, actors: ['service:venue'] },
    });
    policyEngine.denyWith({ code: 'not_there', detail: 'Not there.' });
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ code: 'access_denied' });
  });

  it('is refused while it is disabled, like an unknown type, and is absent from the metadata', async () => {
    const harness = createHarness({ config: { ...config, ...off } });
    const first = await tokenAtVenue(harness);
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({
      code: 'invalid_request',
      reason: 'parameter_unsupported',
    });
    const plain = createHarness({ config: { transactionTokens: 'off' } });
    expect(await refusalOf(ask(plain, (await tokenAtVenue(plain)).access_token))).toMatchObject({
      reason: 'parameter_unsupported',
    });
    expect(JSON.stringify(plain.server.metadata())).not.toMatch(/chaining|id-jag|txn|trust/);
  });

  it.each(['refresh_token', 'id_token', 'jwt', 'txn_token', 'id-jag', 'saml2', 'self_signed', 'unsigned_json'])(
    'refuses %s as the subject',
    async (type) => {
      const { harness, first } = await asked();
      const answer = ask(harness, first.access_token, {
        subject_token_type: `urn:ietf:params:oauth:token-type:${type}`,
      });
      expect(await refusalOf(answer)).toMatchObject({ code: 'invalid_request', reason: 'parameter_unsupported' });
    },
  );

  it('accepts only an access token as the subject, whatever its declared type', async () => {
    const { harness, first, signer, seconds, assertion } = await asked();
    const [idKey] = signer.idTokenKeys;
    if (idKey === undefined) throw new Error('a signer without keys');
    const times = { iat: seconds(), exp: seconds() + 60 };
    const idToken = signJws(
      idKey,
      { alg: 'ES256', typ: 'JWT', kid: idKey.kid },
      { iss: issuer, sub: 'person:anna.keller', aud: 'venue-gateway', auth_time: seconds(), ...times },
    );
    const others = await Promise.all(
      classes.map((other) =>
        ask(harness, first.access_token, { requested_token_type: other.requested, audience: other.audience }),
      ),
    );
    for (const subject of [idToken, assertion('venue-gateway'), ...others.map(({ access_token: token }) => token)])
      expect(await refusalOf(ask(harness, subject))).toMatchObject({ code: 'invalid_request', reason: 'token_type' });
    for (const subject of [`csr_${'x'.repeat(43)}`, 'x', 'a.b.c'])
      expect(await refusalOf(ask(harness, subject))).toMatchObject({ code: 'invalid_request' });
  });

  it('is available only to the recipient of the token', async () => {
    const { harness, first, world } = await asked();
    world.changeClient('clearing-core', { scopes: ['trade:read', 'settlement:instruct'] });
    expect(await refusalOf(ask(harness, first.access_token, { audience: foreign }, 'clearing-core'))).toMatchObject({
      code: 'invalid_request',
      reason: 'token_audience',
    });
  });

  it.each([
    ['for others than the institution of the client', { audience: foreign }, 'target_not_allowed'],
    ['that is not registered', { audience: 'https://evil.example' }, 'target_unknown'],
    ['that is an interface of ours', { audience: clearingTrades }, 'target_unknown'],
    ['that is this server', { audience: issuer }, 'target_unknown'],
    ['that is only nearly one', { audience: `${audience}/` }, 'target_unknown'],
    ['that is left out', { audience: undefined }, 'target_missing'],
    ['that is named twice over', { resource: venueOrders }, 'target_ambiguous'],
  ])('is refused with an audience %s', async (_, change, reason) => {
    const { harness, first, audit } = await asked();
    expect(await refusalOf(ask(harness, first.access_token, change))).toMatchObject({ code: 'invalid_target', reason });
    expect(audit.last()).toMatchObject({ type: 'token.refused', reason, client: 'venue-gateway' });
  });

  it.each([
    ['the token does not hold', 'settlement:read', 'scope_wider'],
    ['the client is not registered for', 'order:create', 'scope_not_allowed'],
    ['is unknown', 'rocket:launch', 'scope_unknown'],
  ])('is refused with a scope that %s', async (_, scope, reason) => {
    const { harness, first } = await asked();
    expect(await refusalOf(ask(harness, first.access_token, { scope }))).toMatchObject({
      code: 'invalid_scope',
      reason,
    });
  });

  it('may narrow the intent and never widen it', async () => {
    const { harness, first, order } = await asked();
    const less = order({ max_qty: '40', max_notional: { amount: '6000', ccy: 'EUR' } });
    expect((await ask(harness, first.access_token, { authorization_details: less })).authorization_details).toEqual(
      JSON.parse(less),
    );
    for (const more of [{ max_qty: '101' }, { side: 'SELL' }, { locations: [venueOrders, 'https://evil.example'] }])
      expect(await refusalOf(ask(harness, first.access_token, { authorization_details: order(more) }))).toMatchObject({
        reason: 'details_wider',
      });
  });

  it('ends no later than its subject token', async () => {
    const { harness, first, before, clock } = await asked();
    clock.advance(280_000);
    const answer = await ask(harness, first.access_token);
    expect(answer.expires_in).toBe(20);
    expect(claimsOf(answer)['exp']).toBe(before['exp']);
    clock.advance(20_000);
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ reason: 'token_expired' });
  });

  it('is refused once the token was revoked in any way', async () => {
    for (const target of [
      { kind: 'token', id: '' },
      { kind: 'client', id: 'vwap-engine' },
      { kind: 'principal', id: 'agent:vwap-1' },
      { kind: 'partner', id: broker },
    ] as const) {
      const { harness, first, before, revocations } = await asked();
      const id = target.kind === 'token' ? String(before['jti']) : target.id;
      await revocations.revoke({ ...target, id }, { id: 'person:olivia.ops' }, 'lost');
      expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ reason: 'subject_token_revoked' });
    }
  });

  it('is refused once the mandate has ended, the subject has left, or the revocation status is unknown', async () => {
    const mandate = await asked();
    mandate.consentStore.change({ status: 'revoked', version: 3 });
    expect(await refusalOf(ask(mandate.harness, mandate.first.access_token))).toMatchObject({
      reason: 'mandate_revoked',
    });
    const subject = await asked();
    subject.world.remove('principal', 'agent:vwap-1');
    expect(await refusalOf(ask(subject.harness, subject.first.access_token))).toMatchObject({
      reason: 'subject_token_revoked',
    });
    const behind = await asked();
    behind.revocations.lose(true);
    expect(await refusalOf(ask(behind.harness, behind.first.access_token))).toMatchObject({
      code: 'temporarily_unavailable',
    });
  });

  it('adds the client as an actor, up to four, and none twice', async () => {
    const { harness, before, mint } = await asked();
    const chain = (...actors: readonly string[]) =>
      actors.reduceRight<object | undefined>((act, sub) => (act === undefined ? { sub } : { sub, act }), undefined);
    const three = mint({ ...before, act: chain('service:c', 'service:b', 'service:a') });
    await ask(harness, three);
    expect(harness.audit.last().actors?.map(({ id }) => id)).toEqual([
      'service:venue',
      'service:c',
      'service:b',
      'service:a',
    ]);
    const four = mint({ ...before, act: chain('service:d', 'service:c', 'service:b', 'service:a') });
    expect(await refusalOf(ask(harness, four))).toMatchObject({ reason: 'act_too_deep' });
    const twice = mint({ ...before, act: chain('service:oms', 'service:venue') });
    expect(await refusalOf(ask(harness, twice))).toMatchObject({ reason: 'act_loop' });
  });

  it('respects a may_act, even without an actor token', async () => {
    const { harness, before, mint } = await asked();
    const answer = ask(harness, mint({ ...before, may_act: { sub: 'service:clearing' } }));
    expect(await refusalOf(answer)).toMatchObject({ reason: 'actor_not_allowed' });
  });

  it('is available to clients registered for exchanges, and to none that only sign people in', async () => {
    const { harness, first, world } = await asked();
    world.changeClient('venue-gateway', { grantTypes: ['client_credentials'] });
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ reason: 'grant_not_allowed' });
    world.changeClient('venue-gateway', {
      grantTypes: ['urn:ietf:params:oauth:grant-type:token-exchange'],
      profile: 'oidc',
    });
    expect(await refusalOf(ask(harness, first.access_token))).toMatchObject({ reason: 'target_profile' });
  });

  it('issues a token that no verifier here accepts as anything else', async () => {
    const { harness, first, resourceRequest, requestFor, proof, dpopKeyOf, server, federated } = await asked();
    const { access_token: token } = await ask(harness, first.access_token);
    const guard = server.guard(ourDecisions);
    const url = `${ourDecisions}/evaluation`;
    expect(
      await refusalOf(guard.check(resourceRequest(token, 'venue-gateway', url), { scope: 'trade:read' })),
    ).toMatchObject({ code: 'token_type' });
    expect(await refusalOf(server.token(harness.exchange(token)))).toMatchObject({ reason: 'token_type' });
    expect((await refusalOf(server.token(federated({ assertion: token })))).code).toBe('invalid_grant');
    expect((await refusalOf(server.token(federated({ client_assertion: token })))).code).toBe('invalid_client');
    const proven = requestFor('order-desk', { grant_type: 'client_credentials' }, { proofs: [token] });
    expect((await refusalOf(server.token(proven))).code).toBe('invalid_dpop_proof');
    const question = {
      ...requestFor('venue-gateway', { token, token_type_hint: 'access_token' }),
      url: `${issuer}/introspect`,
      dpop: [proof(dpopKeyOf('venue-gateway'), { htu: `${issuer}/introspect` })],
    };
    expect(await server.clientEndpoints.introspect(question)).toEqual({
      form: 'json',
      introspection: { active: false },
    });
  });
});
