import { createServer, type Server } from 'node:http';
import type { Directory, PartnerSignIns, RecordDraft, Signer, TrustProfile } from '@countersign/contracts';
import { CodedError, newId, systemRandom, toInstant } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { createMemoryLog, type FixedClock, fixedClock, leiOf, type MemoryLog } from '@countersign/testkit';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createOutbound, createPartnerKeys, createPartnerSignIns } from './index.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const lei = leiOf('529900BROKER');
const redirectUri = 'https://countersign.example/sign-in/callback';

let key: { readonly privateKey: CryptoKey; readonly jwk: JWK };
beforeAll(async () => {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  key = { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: 'idp-1' } };
});

let server: Server;
let clock: FixedClock;
let audit: MemoryLog;
let records: readonly RecordDraft[];
let issuer: string;
/** The requested paths. */
let requests: string[];
let isDown: boolean;
/** Runs while the provider redeems the code. */
let meanwhile: () => void;
/** The trust profile, which may be replaced. */
let profile: TrustProfile;
/** Changed claims of the next ID token. */
let said: Readonly<Record<string, unknown>>;
let nonce: string;

beforeEach(async () => {
  clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  audit = createMemoryLog(clock, { anyReferences: true });
  records = audit.drafts;
  requests = [];
  isDown = false;
  meanwhile = () => undefined;
  said = {};
  server = createServer((request, response) => {
    requests.push(request.url ?? '');
    void answerTo(request.url ?? '').then((answer) =>
      answer === undefined || isDown
        ? response.writeHead(503).end()
        : response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  issuer = `http://127.0.0.1:${address.port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const seconds = () => Math.floor(clock.now() / 1000);

async function answerTo(path: string): Promise<object | undefined> {
  if (path === '/.well-known/openid-configuration')
    return {
      issuer,
      authorization_endpoint: `${issuer}/authorize`,
      token_endpoint: `${issuer}/token`,
      jwks_uri: `${issuer}/jwks`,
      response_types_supported: ['code'],
    };
  if (path === '/jwks') return { keys: [key.jwk] };
  if (path === '/token') meanwhile();
  if (path === '/token') return { id_token: await idToken(), token_type: 'Bearer', access_token: 'unused' };
  return undefined;
}

function idToken(): Promise<string> {
  const claims = { iss: issuer, sub: 'anna', aud: 'countersign', nonce, acr: 'phr', amr: ['hwk'] };
  const times = { iat: seconds(), exp: seconds() + 600, auth_time: seconds() - 10 };
  return new SignJWT({ ...claims, ...times, ...said })
    .setProtectedHeader({ alg: 'ES256', kid: 'idp-1', typ: 'JWT' })
    .sign(key.privateKey);
}

function open(): PartnerSignIns {
  const from = { audit, clock, random: systemRandom, outbound: createOutbound({ environment: 'development', logger }) };
  profile = {
    id: newId('profile', from),
    version: 1,
    recordId: newId('record', from),
    institution: lei,
    issuer,
    jwksUri: `${issuer}/jwks`,
    algorithms: ['ES256'],
    maxLifetimeSeconds: 300,
    requiredClaims: [],
    acrValues: ['phr'],
    maxAuthenticationAgeSeconds: 3_600,
    signIn: { clientId: 'countersign', classes: {} },
  };
  const signer: Pick<Signer, 'current' | 'sign'> = {
    current: async (purpose) => ({ kid: 'ours', algorithm: 'ES256', purpose, state: 'active', jwk: {} }),
    sign: async (_purpose, kid) => ({ kid, algorithm: 'ES256', signature: new Uint8Array(64) }),
  };
  const anna = { kind: 'person', id: 'person:anna', institution: lei, roles: [], credentials: [] };
  const directory = {
    snapshot: () => ({
      institution: () => ({ lei, leiStatus: 'ISSUED' }),
      federatedPerson: (_issuer: string, subject: string) => (subject === 'anna' ? anna : undefined),
    }),
  } as unknown as Directory;
  return createPartnerSignIns({
    ...from,
    signer,
    directory,
    trustRegistry: { profileOf: async () => profile },
    partnerKeys: createPartnerKeys({ ...from, logger }),
  });
}

const begin = (signIns: PartnerSignIns) => signIns.begin({ issuer, redirectUri, state: 's', acrValues: [] });

async function signIn(signIns = open()) {
  const { underWay } = await begin(signIns);
  nonce = underWay.nonce;
  return signIns.complete(underWay, new Map([['code', 'c']]));
}

async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

const count = (path: string) => requests.filter((each) => each === path).length;
const metadataPath = '/.well-known/openid-configuration';

describe('an ID token', () => {
  it('is recorded with its key and the name of the key', async () => {
    const thumbprint = await calculateJwkThumbprint(key.jwk);
    expect((await signIn()).provenance).toMatchObject({ kid: 'idp-1', thumbprint });
    expect(records.at(-1)).toMatchObject({ type: 'identity.accepted', data: { kid: 'idp-1', thumbprint } });
    said = { sub: 'nobody' };
    await refusalOf(signIn());
    expect(records.at(-1)).toMatchObject({ type: 'identity.refused', data: { thumbprint } });
  });

  it.each([
    ['that lies ahead', () => seconds() + 11],
    ['that is text', () => 'now'],
  ])('is refused with an nbf %s', async (_name, nbf) => {
    said = { nbf: nbf() };
    expect((await refusalOf(signIn())).code).toBe('assertion_not_yet_valid');
    expect(records.at(-1)).toMatchObject({ type: 'identity.refused', reason: 'assertion_not_yet_valid' });
  });

  it.each<readonly [string, () => Partial<TrustProfile>, string]>([
    ['suspended', () => ({ suspended: true }), 'assertion_issuer_suspended'],
    ['replaced', () => ({ maxAuthenticationAgeSeconds: 1 }), 'assertion_profile_changed'],
  ])('is refused when its issuer was %s while it was fetched', async (_name, change, code) => {
    meanwhile = () => {
      profile = { ...profile, version: 2, recordId: newId('record', { clock, random: systemRandom }), ...change() };
    };
    expect((await refusalOf(signIn())).code).toBe(code);
    expect(records.at(-1)).toMatchObject({ type: 'identity.refused', reason: code });
  });

  it('may have an nbf ahead by the permitted clock difference', async () => {
    said = { nbf: seconds() + 9 };
    expect((await signIn()).principal).toBe('person:anna');
  });
});

describe('the metadata of a provider', () => {
  it('is fetched once, however many callers need it at once', async () => {
    const signIns = open();
    await Promise.all(Array.from({ length: 20 }, () => begin(signIns)));
    expect(count(metadataPath)).toBe(1);
  });

  it('is not requested again for a while after a failure, and the refusal says until when', async () => {
    const signIns = open();
    isDown = true;
    const refusals = await Promise.all(Array.from({ length: 20 }, () => refusalOf(begin(signIns))));
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(['partner_unavailable']));
    expect(count(metadataPath)).toBe(1);
    let pause = 0;
    for (let failures = 1; failures < 6; failures++) {
      const { facts, detail } = await refusalOf(begin(signIns));
      expect(count(metadataPath)).toBe(failures);
      expect(detail).toContain(String(facts?.['retry_at']));
      const next = Date.parse(String(facts?.['retry_at'])) - clock.now();
      expect(next).toBeGreaterThanOrEqual(Math.min(pause, 48_000));
      expect(next).toBeLessThanOrEqual(60_000);
      pause = next;
      clock.advance(pause - 1);
      expect((await refusalOf(begin(signIns))).facts?.['retry_at']).toBe(toInstant(clock.now() + 1));
      expect(count(metadataPath)).toBe(failures);
      clock.advance(1);
      await refusalOf(begin(signIns));
    }
    isDown = false;
    clock.advance(60_000);
    await begin(signIns);
  });

  it('is used for an hour while the provider does not answer, and no longer', async () => {
    const signIns = open();
    await begin(signIns);
    isDown = true;
    clock.advance(301_000);
    await begin(signIns);
    clock.advance(3_290_000);
    await begin(signIns);
    clock.advance(10_000);
    expect((await refusalOf(begin(signIns))).code).toBe('partner_unavailable');
  });
});
