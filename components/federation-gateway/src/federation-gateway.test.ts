import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Directory, Person, PrincipalId, RecordDraft, TrustProfile, TrustRegistry } from '@countersign/contracts';
import { CodedError, parseId, sha256Base64Url, systemRandom, toInstant } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, type FixedClock, fixedClock, type MemoryLog } from '@countersign/testkit';
import fc from 'fast-check';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createFederationGateway, createOutbound, createPartnerKeys } from './index.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const ourIssuer = 'https://countersign.example';
const brokerLei = '529900BROKER00000087';
const otherLei = '529900OTHER000000044';
const start = Date.UTC(2026, 10, 21, 9) / 1000;

interface SigningKey {
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
  readonly privateJwk: JWK;
}

async function makeKey(alg: string, kid: string): Promise<SigningKey> {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  return {
    alg,
    privateKey,
    publicJwk: { ...(await exportJWK(publicKey)), kid },
    privateJwk: { ...(await exportJWK(privateKey)), kid },
  };
}

let first: SigningKey;
let second: SigningKey;
let edwards: SigningKey;
let rsa: SigningKey;
beforeAll(async () => {
  [first, second, edwards, rsa] = await Promise.all([
    makeKey('ES256', 'k1'),
    makeKey('ES256', 'k2'),
    makeKey('EdDSA', 'ed'),
    makeKey('PS256', 'rsa'),
  ]);
});

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let answer: Answer;
let requests: string[];
let base: string;
let clock: FixedClock;
let audit: MemoryLog;
/** All that is recorded, the keys of the partner included. */
let records: readonly RecordDraft[];
const ofType = (type: RecordDraft['type']) => records.filter((record) => record.type === type);
let leiStatus: 'ISSUED' | 'LAPSED' | 'RETIRED';
let profile: TrustProfile;

beforeEach(async () => {
  requests = [];
  leiStatus = 'ISSUED';
  clock = fixedClock(start * 1000);
  audit = createMemoryLog(clock, { anyReferences: true });
  records = audit.drafts;
  answer = keySet(first.publicJwk);
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  base = `http://127.0.0.1:${address.port}`;
  profile = profileOf(base);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function profileOf(issuer: string): TrustProfile {
  const [id, recordId] = [
    parseId('profile', 'prf_01k9z3m8q4d6s0v2x5y7a9b1c3'),
    parseId('record', 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3'),
  ];
  if (id === undefined || recordId === undefined) throw new Error('not ids');
  return {
    id,
    version: 3,
    institution: brokerLei as TrustProfile['institution'],
    issuer,
    jwksUri: `${issuer}/jwks.json`,
    algorithms: ['ES256', 'EdDSA'],
    maxLifetimeSeconds: 120,
    requiredClaims: ['department'],
    acrValues: ['phr', 'phrh'],
    maxAuthenticationAgeSeconds: 3600,
    recordId,
  };
}

function keySet(...keys: unknown[]): Answer {
  return body(JSON.stringify({ keys }));
}

function body(text: string): Answer {
  return (_request, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end(text);
}

const thumbprintOf = async ({ publicJwk }: SigningKey) => calculateJwkThumbprint(publicJwk);

const down: Answer = (_request, response) => void response.writeHead(503).end();

function person(id: string, institution: string): Person {
  return {
    kind: 'person',
    id: id as PrincipalId,
    institution: institution as Person['institution'],
    roles: [],
    credentials: [],
  };
}

function open(options: { readonly identityChaining?: 'draft-17'; readonly fetchTimeoutMs?: number } = {}) {
  const { fetchTimeoutMs = 10_000, ...more } = options;
  const trustRegistry: Pick<TrustRegistry, 'profileOf'> = {
    profileOf: async (issuer) => (issuer === profile.issuer ? profile : undefined),
  };
  // All that the gateway reads of a directory.
  const directory = {
    snapshot: () => ({
      institution: (lei: string) => (lei === brokerLei ? { lei, leiStatus } : undefined),
      federatedPerson: (issuer: string, subject: string) =>
        issuer !== profile.issuer
          ? undefined
          : subject === 'u-1'
            ? person('person:anna', brokerLei)
            : subject === 'u-9'
              ? person('person:zoe', otherLei)
              : undefined,
      principal: (id: string) =>
        id === 'service:oms'
          ? { kind: 'service', id, institution: brokerLei }
          : id === 'service:venue'
            ? { kind: 'service', id, institution: otherLei }
            : undefined,
    }),
  } as unknown as Directory;
  const from = { audit, clock, random: systemRandom };
  const outbound = createOutbound({ environment: 'development', logger });
  const partnerKeys = createPartnerKeys({ ...from, outbound, logger, times: { fetchTimeoutMs } });
  return createFederationGateway({ trustRegistry, directory, partnerKeys, ...from, ...more });
}

function now(): number {
  return Math.floor(clock.now() / 1000);
}

function claims(changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    iss: profile.issuer,
    sub: 'u-1',
    aud: ourIssuer,
    iat: now(),
    exp: now() + 60,
    jti: 'a-1',
    department: 'rates',
    acr: 'phr',
    amr: ['hwk', 'user'],
    auth_time: now() - 600,
    ...changes,
  };
}

function sign(
  payload: Record<string, unknown>,
  key: SigningKey = first,
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT(payload)
    .setProtectedHeader({ alg: key.alg, kid: key.publicJwk.kid ?? '', typ: 'JWT', ...header })
    .sign(key.privateKey);
}

async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

describe('an accepted assertion', () => {
  it('identifies its subject, and keeps origin and assurance', async () => {
    const assertion = await sign(claims());
    expect(await open().acceptAssertion(assertion, ourIssuer)).toEqual({
      principal: 'person:anna',
      institution: brokerLei,
      issuer: profile.issuer,
      subject: 'u-1',
      acr: 'phr',
      amr: ['hwk', 'user'],
      authTime: start - 600,
      assertionId: 'a-1',
      expiresAt: start + 60,
      claims: Object.keys(claims()).sort(),
      provenance: {
        profile: profile.id,
        profileVersion: 3,
        profileRecord: profile.recordId,
        kid: 'k1',
        thumbprint: await thumbprintOf(first),
        assertionDigest: sha256Base64Url(assertion),
      },
    });
    // The token endpoint records it, together with the claim.
    expect(records.map(({ type }) => type)).toEqual(['partner.key-bound']);
  });

  it.each([
    ['an audience in a list of one', { aud: [ourIssuer] }, {}],
    ['no typ', {}, { typ: undefined }],
    ['a clock nine seconds ahead', { iat: start + 9, nbf: start + 9, auth_time: start + 9 }, {}],
    ['no methods', { amr: undefined }, {}],
    ['the whole lifetime', { exp: start + 120 }, {}],
  ])('may have %s', async (_name, changes, header) => {
    expect((await open().acceptAssertion(await sign(claims(changes), first, header), ourIssuer)).principal).toBe(
      'person:anna',
    );
  });

  it('may be signed with any algorithm of the profile', async () => {
    answer = keySet(edwards.publicJwk, rsa.publicJwk);
    expect((await open().acceptAssertion(await sign(claims(), edwards), ourIssuer)).provenance.kid).toBe('ed');
    profile = { ...profile, algorithms: ['PS256'] };
    expect((await open().acceptAssertion(await sign(claims(), rsa), ourIssuer)).provenance.kid).toBe('rsa');
  });

  it('is accepted only from the client it was issued to', async () => {
    const gateway = open({ identityChaining: 'draft-17' });
    const grant = await sign(claims({ client_id: 'broker-oms' }), first, { typ: 'oauth-id-jag+jwt' });
    expect((await gateway.acceptAssertion(grant, ourIssuer, 'broker-oms')).principal).toBe('person:anna');
    expect((await refusalOf(gateway.acceptAssertion(grant, ourIssuer, 'another'))).code).toBe('assertion_client');
    expect((await refusalOf(gateway.acceptAssertion(grant, ourIssuer))).code).toBe('assertion_client');
    const unnamed = await sign(claims(), first, { typ: 'oauth-id-jag+jwt' });
    expect((await refusalOf(gateway.acceptAssertion(unnamed, ourIssuer, 'broker-oms'))).code).toBe(
      'assertion_claim_missing',
    );
    const bound = await sign(claims({ client_id: 'broker-oms' }));
    expect((await refusalOf(gateway.acceptAssertion(bound, ourIssuer))).code).toBe('assertion_client');
  });
});

describe('an assertion is refused', () => {
  type Case = readonly [name: string, code: string, changes: Record<string, unknown>, header?: Record<string, unknown>];
  const cases: readonly Case[] = [
    ['as an access token', 'assertion_type', {}, { typ: 'at+jwt' }],
    ['as a proof', 'assertion_type', {}, { typ: 'dpop+jwt' }],
    ['as a logout token', 'assertion_type', {}, { typ: 'logout+jwt' }],
    ['as a security event', 'assertion_type', {}, { typ: 'secevent+jwt' }],
    ['as a client assertion', 'assertion_type', {}, { typ: 'client-authentication+jwt' }],
    ['as a transaction token', 'assertion_type', {}, { typ: 'txntoken+jwt' }],
    ['as a grant, unless those are switched on', 'assertion_type', {}, { typ: 'authorization-grant+jwt' }],
    ['as an ID-JAG, unless those are switched on', 'assertion_type', {}, { typ: 'oauth-id-jag+jwt' }],
    ['from an issuer without a profile', 'assertion_issuer_unknown', { iss: 'https://idp.unknown.example' }],
    ['from ourselves', 'assertion_issuer_unknown', { iss: ourIssuer }],
    ['from an issuer of another spelling', 'assertion_issuer_unknown', { iss: 'https://IDP.broker.example' }],
    ['without an issuer', 'assertion_issuer_unknown', { iss: undefined }],
    ['with an issuer that is not text', 'assertion_issuer_unknown', { iss: 7 }],
    ['with an unknown kid', 'assertion_key_unknown', {}, { kid: 'k9' }],
    ['without a kid', 'assertion_key_unknown', {}, { kid: undefined }],
    ['for another audience', 'assertion_audience', { aud: 'https://countersign.example/' }],
    ['for two audiences', 'assertion_audience', { aud: [ourIssuer, 'https://other.example'] }],
    ['for us twice', 'assertion_audience', { aud: [ourIssuer, ourIssuer] }],
    ['for a nested audience', 'assertion_audience', { aud: [[ourIssuer]] }],
    ['for no audience', 'assertion_audience', { aud: undefined }],
    ['for an empty list of audiences', 'assertion_audience', { aud: [] }],
    ['when it has expired', 'assertion_expired', { iat: start - 60, exp: start }],
    ['without an end', 'assertion_claim_missing', { exp: undefined }],
    ['with an end that is text', 'assertion_claim_missing', { exp: String(start + 60) }],
    ['without a beginning', 'assertion_claim_missing', { iat: undefined }],
    ['when it is issued in the future', 'assertion_not_yet_valid', { iat: start + 11 }],
    ['when it is not yet valid', 'assertion_not_yet_valid', { nbf: start + 11 }],
    ['when its nbf is no time', 'assertion_not_yet_valid', { nbf: 'now' }],
    ['when it lives too long', 'assertion_lifetime', { exp: start + 121 }],
    ['when an iat ahead would lengthen its life', 'assertion_lifetime', { iat: start + 9, exp: start + 129 }],
    ['without an id', 'assertion_claim_missing', { jti: undefined }],
    ['with an empty id', 'assertion_claim_missing', { jti: '' }],
    ['with an endless id', 'assertion_claim_missing', { jti: 'x'.repeat(257) }],
    ['without a claim that the profile requires', 'assertion_claim_missing', { department: undefined }],
    ['with null for a claim that the profile requires', 'assertion_claim_missing', { department: null }],
    ['without an authentication class', 'assertion_assurance', { acr: undefined }],
    ['with a weaker authentication class', 'assertion_assurance', { acr: 'pwd' }],
    ['with a list of authentication classes', 'assertion_assurance', { acr: ['phr'] }],
    ['with methods that are no list', 'assertion_malformed', { amr: 'hwk' }],
    ['with methods that are no text', 'assertion_malformed', { amr: [1] }],
    ['without a sign-in time', 'assertion_claim_missing', { auth_time: undefined }],
    ['when the sign-in is too old', 'assertion_stale_sign_in', { auth_time: start - 3601 }],
    ['when the sign-in lies ahead', 'assertion_not_yet_valid', { auth_time: start + 11 }],
    ['for a subject the directory does not know', 'assertion_subject_unknown', { sub: 'u-2' }],
    ['for a subject of another institution', 'assertion_subject_unknown', { sub: 'u-9' }],
    ['without a subject', 'assertion_subject_unknown', { sub: undefined }],
  ];

  it.each(cases.map(([name, code, changes, header]) => ({ name, code, changes, header })))(
    '$name',
    async ({ code, changes, header }) => {
      const assertion = await sign(claims(changes), first, header);
      const error = await refusalOf(open().acceptAssertion(assertion, ourIssuer));
      expect(error.code).toBe(code);
      expect(ofType('identity.refused')).toMatchObject([
        {
          type: 'identity.refused',
          source: 'federation-gateway',
          outcome: 'deny',
          reason: code,
          payload: sha256Base64Url(assertion),
        },
      ]);
    },
  );

  it('with a signature by another key under the same kid', async () => {
    const forged = await sign(claims(), second, { kid: 'k1' });
    expect((await refusalOf(open().acceptAssertion(forged, ourIssuer))).code).toBe('assertion_signature');
  });

  it('with claims changed after signing', async () => {
    const [head = '', payload = '', signature = ''] = (await sign(claims())).split('.');
    const changed = { ...(JSON.parse(Buffer.from(payload, 'base64url').toString()) as object), sub: 'u-9' };
    const forged = `${head}.${Buffer.from(JSON.stringify(changed)).toString('base64url')}.${signature}`;
    expect((await refusalOf(open().acceptAssertion(forged, ourIssuer))).code).toBe('assertion_signature');
  });

  it('with an algorithm outside the profile, before any key is fetched', async () => {
    answer = keySet(rsa.publicJwk);
    expect((await refusalOf(open().acceptAssertion(await sign(claims(), rsa), ourIssuer))).code).toBe(
      'assertion_algorithm',
    );
    expect(requests).toEqual([]);
  });

  it('with an algorithm of the profile that does not match its key', async () => {
    answer = keySet(first.publicJwk, edwards.publicJwk);
    const crossed = await sign(claims(), edwards, { kid: 'k1' });
    expect((await refusalOf(open().acceptAssertion(crossed, ourIssuer))).code).toBe('assertion_algorithm');
  });

  it('without a signature', async () => {
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    for (const alg of ['none', 'None', 'nOnE', 'HS256', 'RS256'])
      expect(
        (await refusalOf(open().acceptAssertion(`${encode({ alg, kid: 'k1' })}.${encode(claims())}.AAAA`, ourIssuer)))
          .code,
      ).toBe('assertion_algorithm');
    expect(
      (
        await refusalOf(
          open().acceptAssertion(`${encode({ alg: 'ES256', kid: 'k1' })}.${encode(claims())}.`, ourIssuer),
        )
      ).code,
    ).toBe('assertion_malformed');
  });

  it('with its own key or key address in the header', async () => {
    for (const header of [{ jwk: first.publicJwk }, { jku: `${base}/mine.json` }, { x5u: `${base}/mine.pem` }]) {
      const assertion = await sign(claims(), first, header);
      expect((await refusalOf(open().acceptAssertion(assertion, ourIssuer))).code).toBe('assertion_malformed');
    }
    expect(requests).toEqual([]);
  });

  it('when the LEI of the institution was retired since, but not when it lapsed', async () => {
    leiStatus = 'LAPSED';
    await expect(open().acceptAssertion(await sign(claims()), ourIssuer)).resolves.toBeDefined();
    leiStatus = 'RETIRED';
    expect((await refusalOf(open().acceptAssertion(await sign(claims()), ourIssuer))).code).toBe(
      'assertion_institution',
    );
  });

  it('when trust in its issuer was withdrawn, for every signature, before any key is fetched', async () => {
    const gateway = open();
    const assertion = await sign(claims());
    profile = { ...profile, suspended: true };
    expect((await refusalOf(gateway.acceptAssertion(assertion, ourIssuer))).code).toBe('assertion_issuer_suspended');
    expect(requests).toEqual([]);
    expect(ofType('identity.refused')).toMatchObject([
      { reason: 'assertion_issuer_suspended', data: { profile: profile.id } },
    ]);
  });

  it('when trust in its issuer was withdrawn while the partner was slow to return its keys', async () => {
    const gateway = open();
    answer = (request, response) => {
      profile = { ...profile, version: 4, suspended: true };
      keySet(first.publicJwk)(request, response);
    };
    const assertion = await sign(claims());
    expect((await refusalOf(gateway.acceptAssertion(assertion, ourIssuer))).code).toBe('assertion_issuer_suspended');
    expect(ofType('identity.refused')).toMatchObject([{ reason: 'assertion_issuer_suspended' }]);
    expect(ofType('identity.accepted')).toEqual([]);
  });

  it('when it is too long', async () => {
    const assertion = await sign(claims({ padding: 'x'.repeat(20_000) }));
    expect((await refusalOf(open().acceptAssertion(assertion, ourIssuer))).code).toBe('assertion_malformed');
  });

  it('whatever its text is', async () => {
    const gateway = open();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string(),
          fc
            .tuple(fc.base64String(), fc.jsonValue(), fc.string())
            .map(([a, b, c]) => `${a}.${Buffer.from(JSON.stringify(b)).toString('base64url')}.${c}`),
        ),
        async (text) => {
          expect((await refusalOf(gateway.acceptAssertion(text, ourIssuer))).code).toMatch(/^assertion_/);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('with a record that names the partner and no person, and without a record for an unknown issuer', async () => {
    const gateway = open();
    await refusalOf(
      gateway.acceptAssertion(
        await sign(claims({ sub: 'private-subject', jti: 'private-id' })),
        ourIssuer,
        'broker-oms',
      ),
    );
    await refusalOf(gateway.acceptAssertion(await sign(claims({ iss: 'https://stranger.example' })), ourIssuer));
    const [refused] = ofType('identity.refused');
    expect(refused).toMatchObject({
      client: 'broker-oms',
      references: [profile.recordId],
      authentication: { issuer: profile.issuer },
      data: { profile: profile.id, profile_version: 3, thumbprint: await thumbprintOf(first) },
    });
    expect(refused).not.toHaveProperty('subject');
    expect(JSON.stringify(records)).not.toMatch(/private|stranger|rates/);
  });

  it('only after its record is written', async () => {
    audit.breakDown('writing');
    expect((await refusalOf(open().acceptAssertion('x', ourIssuer))).code).toBe('log_unavailable');
  });
});

describe('an authorization grant of another server', () => {
  const chaining = { identityChaining: 'draft-17' } as const;
  const jkt = 'x'.repeat(43);
  const types = ['authorization-grant+jwt', 'OAuth-ID-JAG+JWT', 'application/jwt', 'JWT', undefined];

  it.each(types.map((typ) => ({ typ })))('is restricted by its own claims, as $typ', async ({ typ }) => {
    const limited = {
      client_id: 'broker-oms',
      scope: 'order:read order:create',
      resource: 'https://venue.example/orders',
      act: { sub: 'service:oms' },
      cnf: { jkt },
    };
    const grant = await sign(claims(limited), first, { typ });
    expect((await open(chaining).acceptAssertion(grant, ourIssuer, 'broker-oms')).limits).toEqual({
      scope: ['order:read', 'order:create'],
      resources: ['https://venue.example/orders'],
      actors: ['service:oms'],
      jkt,
    });
  });

  it.each(types.map((typ) => ({ typ })))('is bound to a client if it names one, as $typ', async ({ typ }) => {
    const grant = await sign(claims({ client_id: 'broker-oms' }), first, { typ });
    expect((await refusalOf(open(chaining).acceptAssertion(grant, ourIssuer, 'another'))).code).toBe(
      'assertion_client',
    );
  });

  it('is unlimited if it states no limits', async () => {
    const grant = await sign(claims(), first, { typ: 'authorization-grant+jwt' });
    expect(await open(chaining).acceptAssertion(grant, ourIssuer, 'broker-oms')).not.toHaveProperty('limits');
  });

  type Case = readonly [name: string, code: string, changes: Record<string, unknown>];
  const cases: readonly Case[] = [
    ['of our own', 'assertion_issuer_unknown', { iss: ourIssuer }],
    ['for another server', 'assertion_audience', { aud: 'https://other.example' }],
    ['for two servers', 'assertion_audience', { aud: [ourIssuer, 'https://other.example'] }],
    ['with an actor of another house', 'assertion_actor_unknown', { act: { sub: 'service:venue' } }],
    ['with an unknown actor', 'assertion_actor_unknown', { act: { sub: 'service:ghost' } }],
    ['with an actor that is not an id', 'assertion_actor_unknown', { act: { sub: 'Mallory' } }],
    [
      'with a hidden actor of another house',
      'assertion_actor_unknown',
      { act: { sub: 'service:oms', act: { sub: 'service:venue' } } },
    ],
    ['with an actor it says more of', 'assertion_malformed', { act: { sub: 'service:oms', iss: 'https://x.example' } }],
    ['with actors without end', 'assertion_malformed', { act: nested(5) }],
    ['with a scope that is not text', 'assertion_malformed', { scope: ['order:read'] }],
    ['with an empty scope', 'assertion_malformed', { scope: '' }],
    ['with no resource in a list', 'assertion_malformed', { resource: [] }],
    ['with details that are unknown', 'assertion_malformed', { authorization_details: [{ type: 'payment' }] }],
    ['with a binding nobody checks', 'assertion_malformed', { cnf: { 'x5t#S256': jkt } }],
    ['with two bindings', 'assertion_malformed', { cnf: { jkt, 'x5t#S256': jkt } }],
    ['with a tenant', 'assertion_tenant', { tenant: 'acme' }],
    ['with a tenant of ours', 'assertion_tenant', { aud_tenant: 'acme' }],
  ];
  it.each(cases.map(([name, code, changes]) => ({ name, code, changes })))(
    'is refused $name, under every type',
    async ({ code, changes }) => {
      const gateway = open(chaining);
      for (const typ of types) {
        const grant = await sign(claims({ client_id: 'broker-oms', ...changes }), first, { typ });
        expect((await refusalOf(gateway.acceptAssertion(grant, ourIssuer, 'broker-oms'))).code).toBe(code);
      }
      expect(ofType('identity.refused').map(({ reason }) => reason)).toEqual(types.map(() => code));
    },
  );

  function nested(depth: number): object {
    return depth === 1 ? { sub: 'service:a1' } : { sub: `service:a${depth}`, act: nested(depth - 1) };
  }
});

describe('the keys of a partner', () => {
  const after = (seconds: number): void => clock.advance(seconds * 1000);
  const accepted = async (gateway: ReturnType<typeof open>, key: SigningKey = first): Promise<string> =>
    gateway.acceptAssertion(await sign(claims(), key), ourIssuer).then(
      () => 'accepted',
      (error: unknown) => (error instanceof CodedError ? error.code : 'fault'),
    );

  it('are fetched once, from the registered address, however many callers need them at once', async () => {
    const gateway = open();
    expect(await Promise.all(Array.from({ length: 20 }, () => accepted(gateway)))).toEqual(
      Array.from({ length: 20 }, () => 'accepted'),
    );
    expect(requests).toEqual(['/jwks.json']);
  });

  it('are fetched again for a new key name', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = keySet(first.publicJwk, second.publicJwk);
    after(11);
    expect(await accepted(gateway, second)).toBe('accepted');
    expect(await accepted(gateway, first)).toBe('accepted');
    expect(requests).toHaveLength(2);
  });

  it('are not fetched more often for invented key names', async () => {
    const gateway = open();
    await accepted(gateway);
    for (let index = 0; index < 30; index++) {
      const assertion = await sign(claims(), first, { kid: `made-up-${index}` });
      expect((await refusalOf(gateway.acceptAssertion(assertion, ourIssuer))).code).toBe('assertion_key_unknown');
    }
    expect(requests).toHaveLength(1);
    after(11);
    await refusalOf(gateway.acceptAssertion(await sign(claims(), first, { kid: 'made-up' }), ourIssuer));
    await refusalOf(gateway.acceptAssertion(await sign(claims(), first, { kid: 'made-up-again' }), ourIssuer));
    expect(requests).toHaveLength(2);
  });

  it('no longer include a key that the partner has withdrawn', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = keySet(second.publicJwk);
    after(301);
    expect(await accepted(gateway, first)).toBe('assertion_key_unknown');
    expect(await accepted(gateway, second)).toBe('accepted');
  });

  it('no longer include a withdrawn key when the clock was set back meanwhile', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = keySet(second.publicJwk);
    after(-3_600);
    expect(await accepted(gateway, first)).toBe('assertion_key_unknown');
    expect(await accepted(gateway, second)).toBe('accepted');
  });

  it('are used for an hour while the partner is down, and no longer', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = down;
    after(301);
    expect(await accepted(gateway)).toBe('accepted');
    after(3290);
    expect(await accepted(gateway)).toBe('accepted');
    after(10);
    expect(await accepted(gateway)).toBe('partner_keys_unavailable');
    answer = keySet(first.publicJwk);
    after(11);
    expect(await accepted(gateway)).toBe('accepted');
  });

  it('admit nobody while the partner is down', async () => {
    answer = down;
    const gateway = open();
    expect(await accepted(gateway)).toBe('partner_keys_unavailable');
    expect(await accepted(gateway)).toBe('partner_keys_unavailable');
    // The second was answered without another request.
    expect(requests).toHaveLength(1);
    expect(records).toHaveLength(2);
    answer = keySet(first.publicJwk);
    after(11);
    await accepted(gateway);
    answer = down;
    after(11);
    expect(await accepted(gateway, second)).toBe('partner_keys_unavailable');
    expect(await accepted(gateway, first)).toBe('accepted');
  });

  it('cannot be fetched from a partner that refuses connections', async () => {
    profile = profileOf('http://127.0.0.1:1');
    expect(await accepted(open())).toBe('partner_keys_unavailable');
  });

  const hostile: readonly (readonly [string, () => Answer])[] = [
    [
      'redirects',
      () => (request, response) =>
        request.url === '/jwks.json'
          ? void response.writeHead(302, { location: `${base}/elsewhere` }).end()
          : keySet(first.publicJwk)(request, response),
    ],
    ['is huge', () => body(JSON.stringify({ keys: [first.publicJwk], padding: 'x'.repeat(70_000) }))],
    ['is not JSON', () => body('{"keys":')],
    ['is deep', () => body('['.repeat(30_000) + ']'.repeat(30_000))],
    ['is a list', () => body(JSON.stringify([first.publicJwk]))],
    ['has no list of keys', () => body(JSON.stringify({ keys: first.publicJwk }))],
    [
      'holds too many keys',
      () =>
        keySet(
          first.publicJwk,
          ...Array.from({ length: 20 }, (_, index) => ({ ...first.publicJwk, kid: `x${index}` })),
        ),
    ],
    ['holds a private key', () => keySet(first.publicJwk, second.privateJwk)],
    ['holds the private key itself', () => keySet(first.privateJwk)],
    ['holds a shared secret', () => keySet(first.publicJwk, { kty: 'oct', k: 'c2VjcmV0', kid: 's' })],
    ['holds two keys under one kid', () => keySet(first.publicJwk, { ...second.publicJwk, kid: 'k1' })],
  ];
  it.each(hostile)('are not accepted from a key set that %s', async (_name, make) => {
    answer = make();
    expect(await accepted(open())).toBe('partner_keys_unavailable');
    expect(requests).toEqual(['/jwks.json']);
  });

  it.each<[string, Answer]>([
    ['never ends', (_request, response) => void response.writeHead(200).write('{"keys":[')],
    ['never answers', () => undefined],
  ])('are no longer accepted, after a time, from a key set that %s', async (_name, silent) => {
    answer = silent;
    expect(await accepted(open({ fetchTimeoutMs: 300 }))).toBe('partner_keys_unavailable');
    expect(requests.length).toBeLessThan(2);
  });

  const unusable: readonly (readonly [string, () => unknown])[] = [
    ['of another algorithm', () => ({ ...first.publicJwk, alg: 'ES384' })],
    ['for RS256', () => ({ ...rsa.publicJwk, kid: 'k1', alg: 'RS256' })],
    ['for encryption', () => ({ ...first.publicJwk, use: 'enc' })],
    ['not on its curve', () => ({ ...first.publicJwk, y: first.publicJwk.x })],
    ['without a kid', () => ({ ...first.publicJwk, kid: undefined })],
    ['whose kid is no text', () => ({ ...first.publicJwk, kid: 1 })],
    ['that is not an object', () => null],
  ];
  it.each(unusable)('are used beside a key %s, which is left out', async (_name, make) => {
    answer = keySet(make(), second.publicJwk);
    const gateway = open();
    expect(await accepted(gateway, first)).toBe('assertion_key_unknown');
    expect(await accepted(gateway, second)).toBe('accepted');
  });

  const renamed = (key: SigningKey, kid: string): SigningKey => ({ ...key, publicJwk: { ...key.publicJwk, kid } });

  const between: readonly (readonly [string, readonly (readonly unknown[])[], number])[] = [
    ['nothing', [], 301],
    ['an empty key set', [[]], 301],
    ['a key set of others', [[{ kid: 'k2' }]], 301],
    ['a key set of others and an empty one', [[{ kid: 'k2' }], []], 301],
    ['so long a time that no key would be used any more', [[]], 2 * 3_600],
  ];
  it.each(between)('are never replaced under the same kid, with %s in between', async (_name, sets, seconds) => {
    const gateway = open();
    expect(await accepted(gateway)).toBe('accepted');
    for (const set of sets) {
      answer = keySet(...set.map((member) => ({ ...second.publicJwk, ...(member as object) })));
      after(seconds);
      expect(await accepted(gateway)).toBe('assertion_key_unknown');
    }
    const swapped = renamed(edwards, 'k1');
    answer = keySet(swapped.publicJwk);
    after(seconds);
    for (const node of [gateway, open()]) {
      expect(await accepted(node, swapped)).toBe('assertion_key_changed');
      expect(await accepted(node, first)).toBe('assertion_key_changed');
    }
    // Each attempt is refused, and the record says once what the partner has done.
    expect(ofType('identity.refused').map(({ reason }) => reason)).toContain('assertion_key_changed');
    const [bound] = ofType('partner.key-bound');
    expect(bound?.data).toMatchObject({ issuer: profile.issuer, kid: 'k1', thumbprint: await thumbprintOf(first) });
    expect(ofType('partner.key-refused')).toMatchObject([
      {
        reason: 'assertion_key_changed',
        partner: brokerLei,
        references: [bound?.id],
        data: { issuer: profile.issuer, kid: 'k1', thumbprint: await thumbprintOf(swapped) },
      },
    ]);
    answer = keySet(first.publicJwk);
    after(301);
    expect(await accepted(gateway)).toBe('accepted');
  });

  it('stay bound to their kid after a restart, at another address, and after a published secret', async () => {
    await accepted(open());
    const swapped = renamed(second, 'k1');
    answer = keySet(swapped.publicJwk);
    expect(await accepted(open(), swapped)).toBe('assertion_key_changed');
    profile = { ...profile, version: 4, jwksUri: `${base}/other.json` };
    expect(await accepted(open(), swapped)).toBe('assertion_key_changed');
    answer = keySet(first.privateJwk);
    const gateway = open();
    expect(await accepted(gateway, swapped)).toBe('partner_keys_unavailable');
    answer = keySet(swapped.publicJwk);
    after(11);
    expect(await accepted(gateway, swapped)).toBe('assertion_key_changed');
  });

  it('are bound by one record, whichever of two nodes sees which key first', async () => {
    const swapped = renamed(second, 'k1');
    answer = (request, response) => keySet((requests.length === 1 ? first : swapped).publicJwk)(request, response);
    const [one, two] = [open(), open()];
    const outcomes = await Promise.all([
      accepted(one, first),
      accepted(two, first),
      accepted(one, swapped),
      accepted(two, swapped),
    ]);
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1);
    expect(ofType('partner.key-bound')).toHaveLength(1);
  });

  it('do not affect the other keys of the set when one was replaced', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = keySet(renamed(edwards, 'k1').publicJwk, second.publicJwk);
    after(301);
    expect(await accepted(gateway, second)).toBe('accepted');
  });

  it('are not used before the record binds them to the partner', async () => {
    audit.breakDown('writing');
    expect(await accepted(open())).toBe('log_unavailable');
    audit.repair();
    expect(await accepted(open())).toBe('accepted');
  });

  it('are fetched ever less often while the partner fails, and the refusal says when the next attempt is', async () => {
    answer = down;
    const gateway = open();
    const pauses: number[] = [];
    for (let failure = 0; failure < 6; failure++) {
      const error = await refusalOf(gateway.acceptAssertion(await sign(claims()), ourIssuer));
      expect(error.code).toBe('partner_keys_unavailable');
      expect(requests).toHaveLength(failure + 1);
      const retryAt = String(error.facts?.['retry_at']);
      expect(error.detail).toContain(retryAt);
      const pause = Date.parse(retryAt) - clock.now();
      pauses.push(pause);
      clock.advance(pause - 1);
      const early = await refusalOf(gateway.acceptAssertion(await sign(claims()), ourIssuer));
      expect(early.facts?.['retry_at']).toBe(toInstant(clock.now() + 1));
      expect(requests).toHaveLength(failure + 1);
      clock.advance(1);
    }
    for (const [place, longest] of [10_000, 20_000, 40_000, 60_000, 60_000, 60_000].entries()) {
      expect(pauses[place]).toBeLessThanOrEqual(longest);
      expect(pauses[place]).toBeGreaterThanOrEqual(longest * 0.8);
    }
    answer = keySet(first.publicJwk);
    expect(await accepted(gateway)).toBe('accepted');
  });

  it('are dropped at once when the partner publishes a private key', async () => {
    const gateway = open();
    await accepted(gateway);
    answer = keySet(first.privateJwk);
    after(301);
    expect(await accepted(gateway)).toBe('partner_keys_unavailable');
    answer = keySet(second.publicJwk);
    after(11);
    expect(await accepted(gateway, second)).toBe('accepted');
    expect(await accepted(gateway, first)).toBe('assertion_key_unknown');
  });

  it('are fetched from the new address when the profile changes it', async () => {
    const gateway = open();
    await accepted(gateway);
    profile = { ...profile, version: 4, jwksUri: `${base}/other.json` };
    expect(await accepted(gateway)).toBe('accepted');
    expect(requests).toEqual(['/jwks.json', '/other.json']);
  });
});
