import { sha256Base64Url } from '@countersign/kernel';
import { importVerificationKey, transactionTokenType, verifyTransactionToken } from '@countersign/oauth';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { claimsOf, createHarness, type Harness, issuer, refusalOf } from '../testing/harness.ts';
import { broker, venue } from '../testing/trading-world.ts';

const trustDomain = 'trust.venue.example';
const config = {
  transactionTokens: 'draft-10',
  trustDomains: [{ name: trustDomain, institutions: [venue] }],
} as const;

type Change = Readonly<Record<string, string | undefined>>;

function ask({ server, exchange }: Harness, subject: string, change: Change = {}) {
  return server.token(
    exchange(subject, {
      requested_token_type: transactionTokenType,
      resource: undefined,
      audience: trustDomain,
      scope: 'trade:read',
      ...change,
    }),
  );
}

async function asked() {
  const harness = createHarness({ config });
  const first = await harness.server.token(
    harness.clientCredentials({ scope: 'order:create trade:read', authorization_details: harness.order() }),
  );
  return { ...harness, harness, first, subject: first.access_token, before: claimsOf(first) };
}

describe('a transaction token', () => {
  it('carries the transaction claims of the access token to the workloads of its trust domain', async () => {
    const { harness, subject, before, signer, clock, audit, order } = await asked();
    const { access_token: token } = await ask(harness, subject);
    const keys = await signer.publicKeys('transaction-token');
    const expected = {
      issuer,
      trustDomain,
      keyOf: (kid: string) => {
        const key = keys.find((candidate) => candidate.kid === kid);
        return key && importVerificationKey(key.jwk);
      },
      now: clock.now(),
    };
    const { claims } = verifyTransactionToken(token, expected);
    expect(claims).toEqual({
      iss: issuer,
      aud: trustDomain,
      iat: harness.seconds(),
      exp: harness.seconds() + 60,
      txn: before['txn'],
      sub: 'agent:vwap-1',
      scope: 'trade:read',
      req_wl: 'service:venue',
      tctx: {
        lei: broker,
        evidence: audit.last().id,
        act: { sub: 'service:venue' },
        mandate: before['mandate'],
        intent_digest: before['intent_digest'],
        authorization_details: JSON.parse(order()),
      },
    });
    expect(() => verifyTransactionToken(token, { ...expected, trustDomain: 'trust.clearing.example' })).toThrow(
      expect.objectContaining({ code: 'transaction_token_audience' }),
    );
  });

  it('holds neither the access token nor its binding', async () => {
    const { harness, subject, before } = await asked();
    const { access_token: token } = await ask(harness, subject);
    const text = JSON.stringify(claimsOf({ access_token: token, token_type: 'N_A', expires_in: 60, scope: '' }));
    expect(text).not.toContain(subject);
    expect(text).not.toContain(before['jti']);
    expect(text).not.toMatch(/cnf|jkt/);
  });

  it('has the same transaction id however often it is requested', async () => {
    const { harness, subject, before } = await asked();
    for (const answer of [await ask(harness, subject), await ask(harness, subject)])
      expect(claimsOf(answer)['txn']).toBe(before['txn']);
  });

  it('has its record as transaction id if the access token belongs to no transaction', async () => {
    const { harness, server, clientCredentials, audit } = await asked();
    const { access_token: plain } = await server.token(clientCredentials({ scope: 'trade:read' }));
    const answers = [await ask(harness, plain), await ask(harness, plain)];
    expect(new Set(answers.map((answer) => claimsOf(answer)['txn'])).size).toBe(2);
    const [, last] = answers;
    expect(last && claimsOf(last)['txn']).toBe(audit.last().id);
    expect(last).not.toHaveProperty('txn');
  });

  it('states how the person signed in', async () => {
    const { harness, before, mint, seconds } = await asked();
    const answer = await ask(harness, mint({ ...before, acr: 'phr', auth_time: seconds() - 30 }));
    expect(claimsOf(answer)['rctx']).toEqual({ acr: 'phr', auth_time: seconds() - 30 });
  });

  it('requires a scope in the request, whatever the access token holds', async () => {
    const { harness, subject } = await asked();
    for (const scope of [undefined, ''])
      expect(await refusalOf(ask(harness, subject, { scope }))).toMatchObject({
        code: 'invalid_request',
        reason: 'parameter_missing',
      });
  });

  it('lives no longer than an access token', async () => {
    const harness = createHarness({ config: { ...config, accessTokenLifetimeSeconds: 20 } });
    const { access_token: subject } = await harness.server.token(harness.clientCredentials({ scope: 'trade:read' }));
    expect((await ask(harness, subject)).expires_in).toBe(20);
  });
});

describe('the request context reported by the requester', () => {
  it('is carried under the name of its parameter, apart from verified facts', async () => {
    const { harness, subject } = await asked();
    const details = { lei: 'forged', ticker: 'SAP', nested: { a: [1, null] } };
    const context = { acr: 'forged', req_ip: '203.0.113.9' };
    const claims = claimsOf(
      await ask(harness, subject, {
        request_details: JSON.stringify(details),
        request_context: JSON.stringify(context),
      }),
    );
    expect(claims).toMatchObject({ tctx: { lei: broker, request_details: details } });
    expect(claims['rctx']).toEqual({ request_context: context });
  });

  it('is absent from the record, which holds the hash of the token so that its holder can prove the content', async () => {
    const { harness, subject, audit } = await asked();
    const { access_token: token } = await ask(harness, subject, {
      request_context: '{"req_ip":"203.0.113.9","user":"Anna Keller"}',
      request_details: '{"note":"confidential"}',
    });
    expect(audit.last().data).toMatchObject({ token_sha256: sha256Base64Url(token) });
    expect(JSON.stringify(audit.records)).not.toMatch(/203\.0\.113|Keller|confidential/);
  });

  it.each([
    ['no JSON', 'ticker=SAP'],
    ['a list', '["SAP"]'],
    ['a text', '"SAP"'],
    ['null', 'null'],
    ['one key twice', '{"a":1,"a":2}'],
    ['one key twice, further in', '{"a":{"b":1,"b":2}}'],
    ['too much', JSON.stringify({ a: 'x'.repeat(4_096) })],
    ['too deep', `{"a":${'['.repeat(70)}${']'.repeat(70)}}`],
  ])('is refused when it is %s', async (_, text) => {
    for (const parameter of ['request_details', 'request_context']) {
      const { harness, subject, audit } = await asked();
      expect(await refusalOf(ask(harness, subject, { [parameter]: text }))).toMatchObject({
        code: 'invalid_request',
        reason: 'transaction_context_malformed',
      });
      expect(audit.last()).toMatchObject({ type: 'token.refused', client: 'venue-gateway' });
    }
  });

  it('must not contain the access token in any place or spelling', async () => {
    const { harness, subject } = await asked();
    const spelled = [...subject].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('');
    const texts = [
      JSON.stringify({ authorization: `DPoP ${subject}` }),
      JSON.stringify({ a: [{ [subject]: 1 }] }),
      `{"a":"${subject.slice(0, -1)}${spelled.slice(-6)}"}`,
    ];
    for (const text of texts)
      for (const parameter of ['request_details', 'request_context'])
        expect(await refusalOf(ask(harness, subject, { [parameter]: text }))).toMatchObject({
          code: 'invalid_request',
          reason: 'parameter_unsupported',
        });
  });

  it('does not make the token longer than a header allows', async () => {
    const { harness, subject } = await asked();
    const long = JSON.stringify({ note: '価'.repeat(2_000) });
    expect(await refusalOf(ask(harness, subject, { request_details: long }))).toMatchObject({
      code: 'invalid_request',
      reason: 'transaction_token_too_long',
    });
    expect(harness.audit.last()).toMatchObject({ type: 'token.refused', reason: 'transaction_token_too_long' });
  });

  it('is carried unchanged or refused, whatever it contains', async () => {
    const { harness, subject } = await asked();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.object().map((value) => JSON.stringify(value)),
        ),
        async (text) => {
          try {
            const claims = claimsOf(await ask(harness, subject, { request_details: text }));
            const { request_details: carried, ...known } = Object(claims['tctx']);
            expect(carried).toEqual(text === '' ? undefined : JSON.parse(text));
            expect(known).toMatchObject({ lei: broker, act: { sub: 'service:venue' } });
          } catch (error) {
            expect(error).toMatchObject({ code: 'invalid_request' });
          }
        },
      ),
      { numRuns: 150 },
    );
  });
});
