import { createServer, type ServerResponse } from 'node:http';
import { newId, type RecordId, sha256Base64Url, systemClock, systemRandom, type TokenId } from '@countersign/kernel';
import {
  type AccessTokenClaims,
  accessTokenHeader,
  type CertificateThumbprint,
  encodeHeader,
  revocationKey,
  revocationListHeader,
  signAccessToken,
  signCompactJws,
  signRevocationList,
  type Thumbprint,
} from '@countersign/oauth';
import { createSelfSigned, fixedClock } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { generateSigningKey } from './keys.ts';
import { challengeOf, createProtection, type ProtectionOptions } from './protection.ts';
import { createReplayMemory } from './replay-memory.ts';

const audience = 'https://broker.example';
const from = { clock: systemClock, random: systemRandom };

describe('the protection of a service', () => {
  let issuerKey = generateSigningKey();
  const proofKey = generateSigningKey();
  const clock = fixedClock(Date.now());
  let issuer = '';
  let fetches = 0;
  let answers = true;
  let listAnswers = true;
  let listFetches = 0;
  let revoked: { readonly key: ReturnType<typeof revocationKey>; readonly before: number }[] = [];
  let version = 0;
  let server: ReturnType<typeof createServer>;

  beforeEach(async () => {
    issuerKey = generateSigningKey();
    fetches = 0;
    answers = true;
    listAnswers = true;
    listFetches = 0;
    revoked = [];
    server = createServer((request, response) => {
      if (request.url === '/revocations') {
        void sendList(response);
        return;
      }
      fetches++;
      response.writeHead(answers ? 200 : 503, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify({
          keys: [
            { ...issuerKey.publicJwk, kid: issuerKey.kid },
            { kty: 'oct', kid: 'odd' },
          ],
        }),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    issuer = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  });
  afterEach(() => new Promise<void>((resolve) => server.close(() => resolve())));

  async function sendList(response: ServerResponse): Promise<void> {
    listFetches++;
    const list = await signRevocationList(
      { version: version++, entries: revoked },
      { issuer, now: clock.now() },
      revocationListHeader(issuerKey),
      async (input) => issuerKey.sign(input),
    );
    response.writeHead(listAnswers ? 200 : 503, { 'content-type': 'application/revocation-list+jwt' });
    response.end(list);
  }

  const now = (): number => Math.floor(clock.now() / 1000);
  const token = (change: Partial<AccessTokenClaims> = {}, key = issuerKey): Promise<string> =>
    signAccessToken(
      {
        iss: issuer,
        sub: 'service:oms',
        aud: audience,
        client_id: 'oms',
        iat: now(),
        exp: now() + 300,
        jti: newId('token', from) satisfies TokenId,
        scope: 'order:cancel',
        cnf: { jkt: proofKey.kid as Thumbprint },
        lei: '5493000ARRANGERDEM94',
        policy_version: 1,
        evidence: newId('record', from) satisfies RecordId,
        ...change,
      },
      accessTokenHeader(key),
      async (input) => key.sign(input),
    );
  const proof = (accessToken: string, change: object = {}, key = proofKey): Promise<string> =>
    signCompactJws(
      {
        htm: 'POST',
        htu: `${audience}/orders`,
        iat: now(),
        jti: newId('token', from),
        ath: sha256Base64Url(accessToken),
        ...change,
      },
      encodeHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk: key.publicJwk }),
      async (input) => key.sign(input),
    );
  const request = (accessToken: string, dpop: string) => ({
    method: 'POST',
    url: `${audience}/orders`,
    authorization: [`DPoP ${accessToken}`],
    dpop: [dpop],
  });
  const open = (options: Partial<ProtectionOptions> = {}) => createProtection({ issuer, audience, clock, ...options });
  const need = { scope: 'order:cancel' };

  it('accepts a bound token with a fresh proof, and never the same proof again', async () => {
    const protection = open();
    const accessToken = await token();
    const once = request(accessToken, await proof(accessToken));
    expect(await protection.check(once, need)).toMatchObject({ scope: ['order:cancel'], accessToken });
    await expect(protection.check(once, need)).rejects.toMatchObject({ code: 'proof_replayed' });
  });

  it('refuses a market token without an intent, a mandate and a transaction', async () => {
    const protection = open();
    for (const scope of ['order:create', 'order:cancel settlement:release', 'withdrawal:request', 'order:approve']) {
      const accessToken = await token({ scope });
      const asked = { scope: scope.split(' ')[0] ?? '' };
      await expect(protection.check(request(accessToken, await proof(accessToken)), asked)).rejects.toMatchObject({
        code: 'token_invalid',
      });
    }
  });

  it('refuses another audience, a missing scope, another key, another token in the proof, and Bearer', async () => {
    const protection = open();
    const good = await token();
    const foreign = await token({ aud: 'https://venue.example' });
    const reading = await token({ scope: 'order:read' });
    await expect(protection.check(request(foreign, await proof(foreign)), need)).rejects.toMatchObject({
      code: 'token_audience',
    });
    await expect(protection.check(request(reading, await proof(reading)), need)).rejects.toMatchObject({
      code: 'insufficient_scope',
    });
    await expect(
      protection.check(request(good, await proof(good, {}, generateSigningKey())), need),
    ).rejects.toMatchObject({ code: 'proof_binding' });
    await expect(protection.check(request(good, await proof(foreign)), need)).rejects.toMatchObject({
      code: 'proof_token_hash',
    });
    const bearer = { ...request(good, await proof(good)), authorization: [`Bearer ${good}`] };
    await expect(protection.check(bearer, need)).rejects.toMatchObject({ code: 'token_scheme' });
  });

  it('fetches a key that the issuer has rotated to, and is not made to flood the issuer by unknown kids', async () => {
    const protection = open();
    const first = await token();
    await protection.check(request(first, await proof(first)), need);
    issuerKey = generateSigningKey();
    clock.advance(6_000);
    const second = await token();
    await protection.check(request(second, await proof(second)), need);
    expect(fetches).toBe(2);
    for (let count = 0; count < 5; count++) {
      const forged = await token({}, generateSigningKey());
      await expect(protection.check(request(forged, await proof(forged)), need)).rejects.toMatchObject({
        code: 'token_key_unknown',
      });
    }
    expect(fetches).toBe(2);
  });

  it('refuses while it has no keys, and continues with those it has while the issuer is unreachable', async () => {
    answers = false;
    const protection = open();
    const accessToken = await token();
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'issuer_keys_unavailable',
    });
    answers = true;
    await protection.check(request(accessToken, await proof(accessToken)), need);
    answers = false;
    clock.advance(400_000);
    const later = await token();
    await protection.check(request(later, await proof(later)), need);
    clock.advance(600_000);
    const muchLater = await token();
    await expect(protection.check(request(muchLater, await proof(muchLater)), need)).rejects.toMatchObject({
      code: 'issuer_keys_unavailable',
    });
  });

  it('accepts a withdrawn key for a minute at most', async () => {
    const protection = open();
    const accessToken = await token();
    await protection.check(request(accessToken, await proof(accessToken)), need);
    const withdrawn = issuerKey;
    issuerKey = generateSigningKey();
    clock.advance(61_000);
    const forged = await token({}, withdrawn);
    await expect(protection.check(request(forged, await proof(forged)), need)).rejects.toMatchObject({
      code: 'token_key_unknown',
    });
  });

  it.each([
    ['token', { kind: 'token', id: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' }],
    ['client', { kind: 'client', id: 'oms' }],
    ['principal', { kind: 'principal', id: 'service:oms' }],
    ['principal', { kind: 'principal', id: 'agent:vwap-1' }],
    ['partner', { kind: 'partner', id: '5493000ARRANGERDEM94' }],
  ] as const)('refuses a token whose %s has been revoked, within a second of the list', async (kind, target) => {
    const protection = open();
    const accessToken = await token({
      jti: 'tok_01k9z3m8q4d6s0v2x5y7a9b1c3' as TokenId,
      act: { sub: 'agent:vwap-1' },
    });
    await protection.check(request(accessToken, await proof(accessToken)), need);
    revoked = [{ key: revocationKey(target), before: now() }];
    clock.advance(1_000);
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'token_revoked',
      facts: { ended_by: kind },
    });
  });

  it('does not accept a revoked token again when a lagging node signs a newer list without it', async () => {
    const protection = open();
    const accessToken = await token();
    const call = async () => protection.check(request(accessToken, await proof(accessToken)), need);
    await call();
    revoked = [{ key: revocationKey({ kind: 'client', id: 'oms' }), before: now() }];
    version += 10;
    clock.advance(1_000);
    await expect(call()).rejects.toMatchObject({ code: 'token_revoked' });
    revoked = [];
    version -= 2;
    clock.advance(1_000);
    await expect(call()).rejects.toMatchObject({ code: 'token_revoked' });
    // No node lags for longer than a list is valid: after that, an older version is the current one.
    version -= 5;
    clock.advance(60_000);
    await call();
  });

  it('fetches the list once a second at most, however many requests arrive', async () => {
    const protection = open();
    for (let count = 0; count < 20; count++) {
      const accessToken = await token();
      await protection.check(request(accessToken, await proof(accessToken)), need);
    }
    expect(listFetches).toBe(1);
  });

  it('refuses everyone without a revocation list, or with one older than its bound', async () => {
    listAnswers = false;
    const protection = open({ revocationBoundMs: 5_000 });
    const accessToken = await token();
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'revocations_unavailable',
      category: 'unavailable',
    });
    listAnswers = true;
    clock.advance(1_000);
    await protection.check(request(accessToken, await proof(accessToken)), need);
    listAnswers = false;
    clock.advance(4_000);
    await protection.check(request(accessToken, await proof(accessToken)), need);
    clock.advance(2_000);
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'revocations_unavailable',
    });
  });

  it('fetches list and keys again after the clock was set back, and applies revocations since', async () => {
    const protection = open();
    const before = await token();
    await protection.check(request(before, await proof(before)), need);
    clock.advance(-3_600_000);
    revoked = [{ key: revocationKey({ kind: 'client', id: 'oms' }), before: now() }];
    const fetched = fetches;
    const accessToken = await token();
    await expect(protection.check(request(accessToken, await proof(accessToken)), need)).rejects.toMatchObject({
      code: 'token_revoked',
    });
    expect(fetches).toBe(fetched + 1);
    clock.advance(3_600_000);
  });

  it('refuses everyone by a list from before its clock was set back', async () => {
    const own = fixedClock(clock.now());
    const protection = open({ clock: own });
    const before = await token();
    await protection.check(request(before, await proof(before)), need);
    own.advance(-3_600_000);
    const old = { iat: now() - 3_600, exp: now() - 3_300 };
    const accessToken = await token(old);
    await expect(
      protection.check(request(accessToken, await proof(accessToken, { iat: old.iat })), need),
    ).rejects.toMatchObject({ code: 'revocations_unavailable' });
  });

  it('accepts a certificate-bound token on a connection with that certificate, and on no other', async () => {
    const own = createSelfSigned({ subject: 'CN=client' });
    const other = createSelfSigned({ subject: 'CN=client' });
    const protection = open();
    const accessToken = await token({ cnf: { 'x5t#S256': own.thumbprint as CertificateThumbprint } });
    const bare = { method: 'POST', url: `${audience}/orders`, authorization: [`Bearer ${accessToken}`], dpop: [] };
    await protection.check({ ...bare, certificate: { der: own.der } }, need);
    await expect(protection.check({ ...bare, certificate: { der: other.der } }, need)).rejects.toMatchObject({
      code: 'token_certificate_binding',
    });
    await expect(protection.check(bare, need)).rejects.toMatchObject({ code: 'token_certificate_missing' });
    await expect(
      protection.check({ ...request(accessToken, await proof(accessToken)), certificate: { der: own.der } }, need),
    ).rejects.toMatchObject({ code: 'token_scheme' });
  });

  it('resolves a reference token if configured, and otherwise refuses it', async () => {
    const reference = 'cst_reference';
    const claims = JSON.parse(
      Buffer.from((await token()).split('.')[1] ?? '', 'base64url').toString('utf8'),
    ) as AccessTokenClaims;
    const once = async () => request(reference, await proof(reference));
    await expect(open().check(await once(), need)).rejects.toMatchObject({ code: 'token_opaque' });
    const resolving = open({ introspect: async (asked) => (asked === reference ? claims : undefined) });
    expect(await resolving.check(await once(), need)).toMatchObject({ claims: { sub: 'service:oms' } });
    const foreign = open({ introspect: async () => ({ ...claims, aud: 'https://venue.example' }) });
    await expect(foreign.check(await once(), need)).rejects.toMatchObject({ code: 'token_revoked' });
    const { cnf: _, ...unbound } = claims;
    await expect(open({ introspect: async () => unbound }).check(await once(), need)).rejects.toMatchObject({
      code: 'token_revoked',
    });
  });

  it('requires a stronger or a more recent sign-in, as RFC 9470 defines', async () => {
    const protection = open();
    const acr = 'urn:countersign:acr:device-bound';
    const weak = await token({ acr: 'urn:countersign:acr:development', auth_time: now() });
    const strong = { scope: 'order:cancel', acrValues: [acr], maxAgeSeconds: 60 };
    const refusal = await protection.check(request(weak, await proof(weak)), strong).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'insufficient_user_authentication' });
    expect(challengeOf(refusal)).toBe(
      `DPoP error="insufficient_user_authentication", acr_values="${acr}", max_age="60", algs="ES256 EdDSA PS256"`,
    );
    const stale = await token({ acr, auth_time: now() - 61 });
    await expect(protection.check(request(stale, await proof(stale)), strong)).rejects.toMatchObject({
      code: 'insufficient_user_authentication',
    });
    const ahead = await token({ acr, auth_time: now() + 3_600 });
    await expect(protection.check(request(ahead, await proof(ahead)), strong)).rejects.toMatchObject({
      code: 'insufficient_user_authentication',
    });
    const good = await token({ acr, auth_time: now() - 30 });
    await protection.check(request(good, await proof(good)), strong);
  });
});

describe('the memory of used proofs', () => {
  it('accepts no proof again that it forgot while the clock ran ahead', async () => {
    const clock = fixedClock(100_000);
    const memory = createReplayMemory({ clock });
    expect(await memory.claim('used', 160_000)).toBe('claimed');
    clock.advance(3_600_000);
    expect(await memory.claim('then', clock.now() + 60_000)).toBe('claimed');
    clock.advance(-3_600_000);
    await expect(memory.claim('used', 160_000)).rejects.toMatchObject({
      code: 'clock_stepped_back',
      category: 'unavailable',
    });
    expect(await memory.claim('new', 161_000)).toBe('claimed');
  });

  it('forgets no proof that is still valid, and refuses rather than forgets when it is full', async () => {
    const clock = fixedClock(1_000);
    const memory = createReplayMemory({ clock, maxIds: 2 });
    expect(await memory.claim('long', 9_000)).toBe('claimed');
    expect(await memory.claim('short', 2_000)).toBe('claimed');
    clock.advance(4_000);
    await expect(memory.claim('third', 9_000)).rejects.toMatchObject({ code: 'overloaded' });
    expect(await memory.claim('long', 9_000)).toBe('replayed');
    clock.advance(6_000);
    expect(await memory.claim('third', 20_000)).toBe('claimed');
  });
});
