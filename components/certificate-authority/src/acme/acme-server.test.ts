import { createHash } from 'node:crypto';
import { keyIdentifierOf, readX509Certificate } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { holder, newKey, olga, stranger } from '../testing/authority-world.ts';
import {
  type AcmeAnswer,
  type AcmeClient,
  bindingOf,
  type ClientKey,
  createAcmeClient,
  jwsOf,
  newClientKey,
  requestFor,
} from './testing/acme-client.ts';
import { type AcmeWorld, createAcmeWorld } from './testing/acme-world.ts';

const host = 'gw.bank.example';
const type = (name: string) => `urn:ietf:params:acme:error:${name}`;

let acme: AcmeWorld;
let client: AcmeClient;
beforeAll(async () => {
  acme = await createAcmeWorld();
  client = createAcmeClient({ directory: `${acme.issuer}/acme/gateway/directory` });
});
afterAll(() => acme.close());

type Account = Awaited<ReturnType<AcmeClient['open']>>;

async function account(hosts: readonly string[] = [host]): Promise<Account> {
  const opened = await client.open(await acme.enrol('gateway', 'service:gateway', hosts));
  expect(opened.answer.status).toBe(201);
  return opened;
}
async function issued(by: Account, hosts: readonly string[] = [host], key?: ClientKey) {
  const order = await client.order(by, hosts);
  const final = await client.finalize(by, order, requestFor(hosts, key));
  expect(final).toMatchObject({ status: 200, body: { status: 'valid' } });
  const chain = await client.post(final.body.certificate, '', by);
  const der = Buffer.from(/-----BEGIN CERTIFICATE-----([^-]+)/.exec(chain.text)?.[1] ?? '', 'base64');
  return { order, final, der, serial: String(final.body.certificate).split('/').at(-1) ?? '' };
}
function expectProblem(answer: AcmeAnswer, status: number, problem: string): void {
  expect({ status: answer.status, type: answer.body?.type, nonce: answer.headers.has('replay-nonce') }).toEqual({
    ...{ status, type: type(problem), nonce: true },
  });
  expect(answer.headers.get('content-type')).toContain('application/problem+json');
}
const refusals = () =>
  acme.world.records('enrolment.refused').map(({ data, reason }) => ({ ...(data as object), reason }));

describe('the directory', () => {
  it('exists for each profile, names its profile and requires external account binding', async () => {
    const answer = await fetch(`${acme.issuer}/acme/gateway/directory`);
    expect(await answer.json()).toMatchObject({
      newNonce: `${client.base}/new-nonce`,
      renewalInfo: `${client.base}/renewal-info`,
      meta: { externalAccountRequired: true, profiles: { gateway: expect.any(String) } },
    });
    expect((await fetch(`${acme.issuer}/acme/device/directory`)).status).toBe(404);
    expect((await fetch(`${acme.issuer}/acme/__proto__/directory`)).status).toBe(404);
  });

  it('issues nonces with 200 for HEAD and 204 for GET, which no cache stores', async () => {
    for (const [method, status] of [
      ['HEAD', 200],
      ['GET', 204],
    ] as const) {
      const answer = await fetch(`${client.base}/new-nonce`, { method });
      expect(answer.status).toBe(status);
      expect(answer.headers.get('replay-nonce')).toMatch(/^[A-Za-z0-9_-]+$/);
      expect(answer.headers.get('cache-control')).toBe('no-store');
      expect(answer.headers.get('link')).toBe(`<${client.base}/directory>;rel="index"`);
    }
  });
});

describe('a request', () => {
  it('is refused for another URL, and an unknown sender is not recorded', async () => {
    const { key, kid } = await account();
    const before = refusals().length;
    expectProblem(
      await client.post(`${client.base}/new-order`, {}, { key, kid }, { url: `${client.base}/new-account` }),
      403,
      'unauthorized',
    );
    const elsewhere = `${client.base}/new-order`.replace('localhost', '127.0.0.1');
    expectProblem(
      await client.post(`${client.base}/new-order`, {}, { key, kid }, { url: elsewhere }),
      403,
      'unauthorized',
    );
    expect(refusals()).toHaveLength(before);
  });

  it('is refused with a nonce that was used (on this node or another), is foreign, was changed or has expired', async () => {
    const { key, kid } = await account();
    const other = await acme.serve(acme.nodeHere());
    const address = other.server.address();
    const at = typeof address === 'object' && address !== null ? `http://localhost:${address.port}` : '';
    const second = createAcmeClient({ directory: `${client.base}/directory`, at });
    const nonce = await client.nonce();
    const read = (by: AcmeClient, used: string) => by.post(kid, '', { key, kid }, { nonce: used });
    expect((await read(second, nonce)).status).toBe(200);
    for (const by of [client, second]) expectProblem(await read(by, nonce), 400, 'badNonce');
    const fresh = await client.nonce();
    const changed = `${fresh.slice(0, -1)}${fresh.endsWith('A') ? 'E' : 'A'}`;
    for (const wrong of [changed, 'AAAA', '', `${fresh}=`]) expectProblem(await read(client, wrong), 400, 'badNonce');
    // A wrong signature does not use up a nonce.
    const forged = jwsOf({ alg: 'ES256', nonce: fresh, url: kid, kid }, '', newClientKey());
    expectProblem(await client.send(kid, forged), 403, 'unauthorized');
    expect((await read(client, fresh)).status).toBe(200);
    const old = await client.nonce();
    acme.world.clock.advance(10 * 60_000 + 1);
    expectProblem(await read(client, old), 400, 'badNonce');
  });

  it('succeeds once when sent twenty times with the same nonce to two nodes at once', async () => {
    const { key, kid } = await account();
    const other = await acme.serve(acme.nodeHere());
    const address = other.server.address();
    const at = typeof address === 'object' && address !== null ? `http://localhost:${address.port}` : '';
    const nodes = [client, createAcmeClient({ directory: `${client.base}/directory`, at })];
    const jws = jwsOf({ alg: 'ES256', nonce: await client.nonce(), url: kid, kid }, '', key);
    const answers = await Promise.all(Array.from({ length: 20 }, (_, index) => nodes[index % 2]?.send(kid, jws)));
    expect(answers.filter((answer) => answer?.status === 200)).toHaveLength(1);
    expect(answers.filter((answer) => answer?.body.type === type('badNonce'))).toHaveLength(19);
  });

  it('needs exactly one of jwk and kid, and a kid of this directory', async () => {
    const { key, kid } = await account();
    const url = kid;
    expectProblem(await client.post(url, '', { key, kid }, { jwk: key.jwk }), 400, 'malformed');
    expectProblem(await client.post(url, '', { key }), 400, 'malformed');
    for (const wrong of [
      `${acme.issuer}/acme/partner-client/account/${kid.split('/').at(-1)}`,
      kid.replace('account', 'accounts'),
      `${kid}x`,
      'https://elsewhere.example/account/1',
    ])
      expectProblem(await client.post(url, '', { key, kid: wrong }), 400, 'accountDoesNotExist');
  });

  it('is refused with the kid of another account, and for the resources of another account', async () => {
    const [one, other] = [await account(), await account()];
    expectProblem(await client.post(one.kid, '', { key: other.key, kid: one.kid }), 403, 'unauthorized');
    expectProblem(await client.post(one.kid, '', other), 403, 'unauthorized');
    const order = await client.order(one, [host]);
    expectProblem(await client.post(order.headers.get('location') ?? '', '', other), 404, 'malformed');
    expectProblem(await client.finalize(other, order, requestFor([host])), 404, 'malformed');
  });

  it.each<readonly [string, (jws: ReturnType<typeof jwsOf>, key: ClientKey) => unknown, string]>([
    ['an unprotected header', (jws) => ({ ...jws, header: { kid: 'x' } }), 'malformed'],
    ['several signatures', ({ payload, ...one }) => ({ payload, signatures: [one] }), 'malformed'],
    ['a duplicate member', (jws) => JSON.stringify(jws).replace('{', '{"payload":"",'), 'malformed'],
    ['no JSON', () => 'hello', 'malformed'],
    ['an empty body', () => '', 'malformed'],
    ['a compact form', ({ protected: header, payload, signature }) => `${header}.${payload}.${signature}`, 'malformed'],
  ])('is refused with %s', async (_, changed, problem) => {
    const { key, kid } = await account();
    const jws = jwsOf({ alg: 'ES256', nonce: await client.nonce(), url: kid, kid }, '', key);
    expectProblem(await client.send(kid, changed(jws, key)), 400, problem);
  });

  it('is refused with a MAC algorithm, with none, and with an algorithm that does not fit the key', async () => {
    const { key, kid } = await account();
    for (const alg of ['HS256', 'none', 'ES256K'])
      expectProblem(await client.post(kid, '', { key, kid }, { alg }), 400, 'badSignatureAlgorithm');
    expectProblem(await client.post(kid, '', { key, kid }, { alg: 'RS256' }), 403, 'unauthorized');
  });

  it('is refused in another media type with status 415', async () => {
    const answer = await client.send(`${client.base}/new-account`, '{}', 'application/json');
    expectProblem(answer, 415, 'malformed');
  });
});

describe('an account', () => {
  it('needs the binding of an enrolment', async () => {
    const key = newClientKey();
    const url = `${client.base}/new-account`;
    expectProblem(await client.post(url, { termsOfServiceAgreed: true }, { key }), 403, 'externalAccountRequired');
    expectProblem(await client.post(url, { onlyReturnExisting: true }, { key }), 400, 'accountDoesNotExist');
  });

  it('is opened once for each enrolment, and returned when the same key asks again', async () => {
    const enrolment = await acme.enrol();
    const first = await client.open(enrolment);
    expect(first.answer).toMatchObject({ status: 201, body: { status: 'valid' } });
    const again = await client.open(enrolment, first.key);
    expect(again).toMatchObject({ kid: first.kid, answer: { status: 200 } });
    expect(await client.post(`${client.base}/new-account`, { onlyReturnExisting: true }, first)).toMatchObject({
      status: 400,
    });
    const known = await client.post(`${client.base}/new-account`, { onlyReturnExisting: true }, { key: first.key });
    expect(known).toMatchObject({ status: 200 });
    expectProblem((await client.open(enrolment)).answer, 403, 'unauthorized');
    expect(refusals().at(-1)).toMatchObject({
      ...{ operation: 'open-account', enrolment: enrolment.id, reason: 'acme_unauthorized', holder: 'service:gateway' },
    });
  });

  it('is opened for exactly one of twenty keys that use the same enrolment on two nodes at once', async () => {
    const enrolment = await acme.enrol();
    const other = await acme.serve(acme.nodeHere());
    const address = other.server.address();
    const at = typeof address === 'object' && address !== null ? `http://localhost:${address.port}` : '';
    const nodes = [client, createAcmeClient({ directory: `${client.base}/directory`, at })];
    const opened = await Promise.all(Array.from({ length: 20 }, (_, index) => nodes[index % 2]?.open(enrolment)));
    expect(opened.filter((one) => one?.answer.status === 201)).toHaveLength(1);
    expect(opened.filter((one) => one?.answer.status === 403)).toHaveLength(19);
    expect(
      acme.world.records('enrolment.used').filter(({ data }) => JSON.stringify(data).includes(enrolment.id)),
    ).toHaveLength(1);
  });

  it('is unique for each key, even when two enrolments bind the same key at once', async () => {
    const [one, other] = [await acme.enrol(), await acme.enrol()];
    const key = newClientKey();
    const opened = await Promise.all([client.open(one, key), client.open(other, key)]);
    expect(new Set(opened.map(({ kid }) => kid).filter((kid) => kid !== '')).size).toBe(1);
    expect(opened.filter(({ answer }) => answer.status === 201)).toHaveLength(1);
  });

  it.each<readonly [string, (asked: Parameters<typeof bindingOf>) => unknown, number, string]>([
    [
      'another secret',
      ([one, key, url]) => bindingOf({ ...one, secret: 'A'.repeat(43) }, key, url),
      403,
      'unauthorized',
    ],
    ['another key', ([one, , url]) => bindingOf(one, newClientKey(), url), 403, 'unauthorized'],
    ['another URL', ([one, key, url]) => bindingOf(one, key, `${url}x`), 400, 'malformed'],
    ['a nonce', ([one, key, url]) => bindingOf(one, key, url, { nonce: 'x' }), 400, 'malformed'],
    ['another MAC', ([one, key, url]) => bindingOf(one, key, url, { alg: 'HS512' }), 400, 'badSignatureAlgorithm'],
    ['no MAC', ([one, key, url]) => bindingOf(one, key, url, { alg: 'none' }), 400, 'badSignatureAlgorithm'],
    ['an unknown id', ([one, key, url]) => bindingOf(one, key, url, { kid: 'enr_0' }), 403, 'unauthorized'],
    ['no object', () => 'hello', 400, 'malformed'],
  ])('is refused for a binding with %s, which stays usable', async (_, changed, status, problem) => {
    const enrolment = await acme.enrol();
    const key = newClientKey();
    const url = `${client.base}/new-account`;
    const answer = await client.post(url, { externalAccountBinding: changed([enrolment, key, url]) }, { key });
    expectProblem(answer, status, problem);
    expect((await client.open(enrolment)).answer.status).toBe(201);
  });

  it('is not opened after the enrolment has expired, in the directory of another profile, or with a key that cannot sign', async () => {
    const [late, elsewhere] = [await acme.enrol(), await acme.enrol()];
    const partner = createAcmeClient({ directory: `${acme.issuer}/acme/partner-client/directory` });
    expectProblem((await partner.open(elsewhere)).answer, 403, 'unauthorized');
    acme.world.clock.advance(86_400_001);
    expectProblem((await client.open(late)).answer, 403, 'unauthorized');
    const key = newClientKey();
    const leaked = { ...key, jwk: { ...key.jwk, d: 'AAAA' } };
    expectProblem(await client.post(`${client.base}/new-account`, {}, { key: leaked }), 400, 'badPublicKey');
  });

  it('is ended for good by its client, or by the person who enrolled it', async () => {
    const own = await account();
    expect(await client.post(own.kid, { status: 'deactivated' }, own)).toMatchObject({
      status: 200,
      body: { status: 'deactivated' },
    });
    expectProblem(await client.order(own, [host]), 403, 'unauthorized');
    expectProblem(await client.post(`${client.base}/new-account`, {}, { key: own.key }), 403, 'unauthorized');
    const ended = await account();
    await acme.ca.enrolments.end(ended.kid.split('/').at(-1) ?? '', 'the gateway was replaced', olga);
    expectProblem(await client.order(ended, [host]), 403, 'unauthorized');
  });

  it('changes its key with signatures of both keys, and never to the key of another account', async () => {
    const one = await account();
    const other = await account();
    const url = `${client.base}/key-change`;
    const newKey = newClientKey();
    const change = (by: ClientKey, inner: object = {}, payload: object = {}) =>
      client.post(
        url,
        jwsOf({ alg: 'ES256', jwk: by.jwk, url, ...inner }, { account: one.kid, oldKey: one.key.jwk, ...payload }, by),
        one,
      );
    expectProblem(await change(newKey, { nonce: 'x' }), 400, 'malformed');
    expectProblem(await change(newKey, { url: one.kid }), 400, 'malformed');
    expectProblem(await change(newKey, { jwk: newClientKey().jwk }), 403, 'unauthorized');
    expectProblem(await change(newKey, {}, { account: other.kid }), 400, 'malformed');
    expectProblem(await change(newKey, {}, { oldKey: other.key.jwk }), 400, 'malformed');
    const taken = await change(other.key);
    expectProblem(taken, 409, 'malformed');
    expect(taken.headers.get('location')).toBe(other.kid);
    expect((await change(newKey)).status).toBe(200);
    expectProblem(await client.post(one.kid, '', one), 403, 'unauthorized');
    expect((await client.post(one.kid, '', { key: newKey, kid: one.kid })).status).toBe(200);
    // The old key has no account now, and the new key stays bound to this one.
    expectProblem((await client.open(await acme.enrol(), one.key)).answer, 409, 'malformed');
  });
});

describe('an order', () => {
  it('is authorized by the enrolment, issues a certificate, and its record names the enrolment', async () => {
    const by = await account();
    const { order, der, serial } = await issued(by);
    expect(order).toMatchObject({ status: 201, body: { status: 'ready', profile: 'gateway' } });
    expect(await client.post(order.body.authorizations[0], '', by)).toMatchObject({
      status: 200,
      body: { status: 'valid', identifier: { type: 'dns', value: host } },
    });
    expect(Buffer.from(readX509Certificate(der).serial).toString('hex')).toBe(serial);
    const made = acme.world.records('enrolment.made').at(-1);
    expect(acme.world.issuedToOthers().at(-1)).toMatchObject({
      subject: { id: 'service:gateway' },
      references: expect.arrayContaining([made?.id]),
    });
    expect(await client.post(`${by.kid}/orders`, '', by)).toMatchObject({
      body: { orders: [order.headers.get('location')] },
    });
  });

  it('is refused for names that the enrolment does not permit, for other identifier types, and for another profile', async () => {
    const by = await account();
    for (const hosts of [['evil.bank.example'], [host, 'evil.bank.example'], ['*.bank.example'], ['bank.example']])
      expectProblem(await client.order(by, hosts), 400, 'rejectedIdentifier');
    expect(refusals().at(-1)).toMatchObject({ operation: 'order', reason: 'acme_identifier_refused' });
    const url = `${client.base}/new-order`;
    const ip = { identifiers: [{ type: 'ip', value: '127.0.0.1' }] };
    expectProblem(await client.post(url, ip, by), 400, 'unsupportedIdentifier');
    for (const identifiers of [[], undefined, 'x', [{ type: 'dns' }], [{ type: 'dns', value: 1 }]])
      expectProblem(await client.post(url, { identifiers }, by), 400, 'malformed');
    expectProblem(await client.order(by, [host, host.toUpperCase()]), 400, 'malformed');
    expectProblem(await client.order(by, [host], { profile: 'trading-agent' }), 400, 'invalidProfile');
    expect((await client.order(by, [host], { profile: 'gateway' })).status).toBe(201);
  });

  it('cannot be finalized with more names, fewer names, another common name, or the key of the account', async () => {
    const by = await account([host, 'gw2.bank.example']);
    const order = await client.order(by, [host]);
    const wrong = [
      requestFor([host, 'gw2.bank.example']),
      requestFor([host, 'evil.bank.example']),
      requestFor(['gw2.bank.example']),
      requestFor([]),
      requestFor([host], newClientKey(), 'evil.bank.example'),
      requestFor([host], by.key),
      Promise.resolve('AAAA'),
    ];
    for (const csr of wrong) expectProblem(await client.finalize(by, order, csr), 400, 'badCSR');
    expect(refusals().at(-1)).toMatchObject({ operation: 'finalize', reason: 'acme_csr_refused' });
    expect((await client.finalize(by, order, requestFor([host], newClientKey(), host))).status).toBe(200);
  });

  it('is refused by the policies, and the record contains their decision', async () => {
    const by = await account();
    const order = await client.order(by, [host]);
    acme.world.denying.set('service:gateway', { code: 'lei_lapsed', detail: 'Renew the LEI.' });
    const answer = await client.finalize(by, order, requestFor([host]));
    acme.world.denying.delete('service:gateway');
    expectProblem(answer, 403, 'unauthorized');
    expect(answer.body.detail).toContain('lei_lapsed');
    expect(acme.world.records('certificate.denied').at(-1)).toMatchObject({ reason: 'certificate_not_permitted' });
    // No certificate was issued under the serial number, so the same order can be finalized later.
    expect((await client.finalize(by, order, requestFor([host]))).status).toBe(200);
  });

  it('issues one certificate when finalized ten times at once on two nodes, even with different keys', async () => {
    const by = await account();
    const other = await acme.serve(acme.nodeHere());
    const address = other.server.address();
    const at = typeof address === 'object' && address !== null ? `http://localhost:${address.port}` : '';
    const nodes = [client, createAcmeClient({ directory: `${client.base}/directory`, at })];
    for (const keys of [1, 2]) {
      const requests = await Promise.all(Array.from({ length: keys }, () => requestFor([host])));
      const order = await client.order(by, [host]);
      const before = acme.world.issuedToOthers().length;
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, index) =>
          nodes[index % 2]?.finalize(by, order, requests[Math.floor(index / 2) % keys] ?? ''),
        ),
      );
      expect(acme.world.issuedToOthers()).toHaveLength(before + 1);
      const valid = answers.filter((answer) => answer?.status === 200);
      expect(new Set(valid.map((answer) => answer?.body.certificate)).size).toBe(1);
      if (keys === 1) expect(valid).toHaveLength(10);
      for (const answer of answers) if (answer?.status !== 200) expect(answer?.body.type).toBe(type('orderNotReady'));
    }
  });

  it('is completed by the next reader when the process dies between the record and the certificate', async () => {
    const by = await account();
    const order = await client.order(by, [host]);
    acme.world.dieAfter(({ type: of }) => of === 'certificate.issued');
    expect((await client.finalize(by, order, requestFor([host]))).status).toBe(500);
    const next = await client.post(order.headers.get('location') ?? '', '', by);
    expect(next).toMatchObject({ status: 200, body: { status: 'valid' } });
    expect((await client.post(next.body.certificate, '', by)).text).toContain('BEGIN CERTIFICATE');
  });

  it('expires after a day, and an account has a limit of orders an hour', async () => {
    const by = await account();
    const order = await client.order(by, [host]);
    acme.world.clock.advance(86_400_001);
    expectProblem(await client.finalize(by, order, requestFor([host])), 403, 'orderNotReady');
    expect(await client.post(order.headers.get('location') ?? '', '', by)).toMatchObject({
      body: { status: 'invalid' },
    });
    const few = await createAcmeWorld({ acmeLimits: { ordersPerHour: 3 } });
    const limited = createAcmeClient({ directory: `${few.issuer}/acme/gateway/directory` });
    const one = await limited.open(await few.enrol());
    const made = await Promise.all(Array.from({ length: 6 }, () => limited.order(one, [host])));
    expect(made.filter(({ status }) => status === 201)).toHaveLength(3);
    const [refused] = made.filter(({ status }) => status === 429);
    expect(refused?.headers.get('retry-after')).toMatch(/^\d+$/);
    await few.close();
  });

  it('names the principal when the profile has no hosts', async () => {
    const agent = createAcmeClient({ directory: `${acme.issuer}/acme/trading-agent/directory` });
    const by = await agent.open(await acme.enrol('trading-agent', 'agent:vwap-1', []));
    const identifiers = [{ type: 'permanent-identifier', value: 'agent:vwap-1' }];
    const url = `${agent.base}/new-order`;
    const other = [{ type: 'permanent-identifier', value: 'agent:vwap-2' }];
    expectProblem(await agent.post(url, { identifiers: other }, by), 400, 'rejectedIdentifier');
    const order = await agent.post(url, { identifiers }, by);
    expect((await agent.finalize(by, order, requestFor([]))).body.status).toBe('valid');
  });
});

describe('renewal information', () => {
  const identifierOf = (der: Uint8Array, authority: Uint8Array) =>
    [keyIdentifierOf(readX509Certificate(authority).publicKey), readX509Certificate(der).serial]
      .map((octets) => Buffer.from(octets).toString('base64url'))
      .join('.');

  it('gives a window within the lifetime, and one in the past after a revocation', async () => {
    const by = await account();
    const { der, serial } = await issued(by);
    const authority = (await acme.ca.find(serial))?.chain[0] ?? new Uint8Array();
    const identifier = identifierOf(der, authority);
    const read = async (of = identifier) => fetch(`${client.base}/renewal-info/${of}`);
    const { suggestedWindow: window } = (await (await read()).json()) as {
      readonly suggestedWindow: { readonly start: string; readonly end: string };
    };
    const { notBefore, notAfter } = readX509Certificate(der);
    expect(Date.parse(window.start)).toBeGreaterThan(notBefore);
    expect(Date.parse(window.end)).toBeGreaterThan(Date.parse(window.start));
    expect(Date.parse(window.end)).toBeLessThan(notAfter);
    expect((await read()).headers.get('retry-after')).toMatch(/^\d+$/);
    await acme.ca.revoke(serial, 'superseded', olga);
    const after = (await (await read()).json()) as { readonly suggestedWindow: { readonly end: string } };
    expect(Date.parse(after.suggestedWindow.end)).toBeLessThanOrEqual(acme.world.clock.now());
    const [key = '', number = ''] = identifier.split('.');
    for (const wrong of [`${key}.AA`, `AAAA.${number}`, number, `${identifier}.x`, `${key}.${number}=`])
      expect((await read(wrong)).status).toBe(404);
  });

  it('permits one replacement of each certificate, even for two orders at once', async () => {
    const by = await account();
    const first = await issued(by);
    const authority = (await acme.ca.find(first.serial))?.chain[0] ?? new Uint8Array();
    const replaces = identifierOf(first.der, authority);
    const orders = [await client.order(by, [host], { replaces }), await client.order(by, [host], { replaces })];
    expect(orders.map(({ status }) => status)).toEqual([201, 201]);
    const final = await Promise.all(orders.map((order) => client.finalize(by, order, requestFor([host]))));
    expect(final.map(({ status }) => status).sort()).toEqual([200, 409]);
    const [refused] = final.filter(({ status }) => status === 409);
    expect(refused?.body.type).toBe(type('alreadyReplaced'));
    expectProblem(await client.order(by, [host], { replaces }), 409, 'alreadyReplaced');
    const stranger = await client.open(await acme.enrol('gateway', 'service:risk', ['gw.bank.example']));
    expectProblem(await client.order(stranger, [host], { replaces }), 400, 'malformed');
  });
});

describe('a revocation', () => {
  it('is accepted from the account or with the key of the certificate, and refused for all others', async () => {
    const by = await account();
    const stranger = await client.open(await acme.enrol('gateway', 'service:risk'));
    const key = newClientKey();
    const url = `${client.base}/revoke-cert`;
    const first = await issued(by, [host], key);
    const certificate = first.der.toString('base64url');
    expectProblem(await client.post(url, { certificate }, stranger), 403, 'unauthorized');
    expectProblem(await client.post(url, { certificate }, { key: newClientKey() }), 403, 'unauthorized');
    expectProblem(await client.post(url, { certificate, reason: 7 }, by), 400, 'badRevocationReason');
    expectProblem(await client.post(url, { certificate: 'AAAA' }, by), 404, 'malformed');
    const forged = Buffer.from(first.der);
    forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
    expectProblem(await client.post(url, { certificate: forged.toString('base64url') }, by), 404, 'malformed');
    expect((await client.post(url, { certificate, reason: 1 }, { key })).status).toBe(200);
    expect(await acme.ca.find(first.serial)).toMatchObject({ status: 'revoked', revocationReason: 'keyCompromise' });
    expectProblem(await client.post(url, { certificate }, by), 400, 'alreadyRevoked');
    const second = await issued(by);
    expect((await client.post(url, { certificate: second.der.toString('base64url') }, by)).status).toBe(200);
  });
});

describe('an enrolment', () => {
  it('is made within institution, policies and profile, and no record contains its secret', async () => {
    const make = (changes: object, by = olga) =>
      acme.ca.enrolments.make(
        { profile: 'gateway', holder: holder('service:gateway'), dnsNames: [host], ...changes },
        by,
      );
    const made = await make({});
    const digest = createHash('sha256').update(Buffer.from(made.secret, 'base64url')).digest('base64url');
    const log = JSON.stringify(await acme.world.log.search({ limit: 1_000 }), (_, value) =>
      typeof value === 'bigint' ? String(value) : value,
    );
    expect(log).not.toContain(made.secret);
    expect(log).not.toContain(digest);
    await expect(make({}, stranger)).rejects.toMatchObject({ code: 'certificate_request_refused' });
    await expect(make({ dnsNames: ['evil.example'] })).rejects.toMatchObject({ code: 'certificate_request_refused' });
    await expect(make({ dnsNames: [] })).rejects.toMatchObject({ code: 'enrolment_invalid' });
    await expect(make({ expiresInSeconds: 604_801 })).rejects.toMatchObject({ code: 'enrolment_invalid' });
    await expect(make({ profile: 'root' })).rejects.toMatchObject({ code: 'profile_unknown' });
    await expect(make({ profile: 'device', holder: holder('device:ws-1') })).rejects.toMatchObject({
      code: 'enrolment_invalid',
    });
    await expect(make({ profile: 'trading-agent' })).rejects.toMatchObject({ code: 'certificate_request_refused' });
    acme.world.denying.set('service:gateway', { code: 'lei_lapsed', detail: 'Renew the LEI.' });
    await expect(make({})).rejects.toMatchObject({ code: 'certificate_not_permitted' });
    acme.world.denying.delete('service:gateway');
    expect(refusals().at(-1)).toMatchObject({ operation: 'make', reason: 'certificate_not_permitted' });
    const others = { holder: 'service:gateway', institution: stranger.institution ?? '' };
    expect(await acme.ca.enrolments.list(others)).toEqual([]);
  });

  it('ends when its holder leaves, together with its account and certificates, on every node', async () => {
    const open = await acme.enrol('gateway', 'service:risk');
    const by = await client.open(await acme.enrol('gateway', 'service:risk'));
    const order = await client.order(by, [host]);
    const { serial } = await issued(by);
    const { ended } = await acme.nodeHere().departureEffect.end({
      principal: holder('service:risk'),
      ...{ kind: 'leave', reason: 'left', by: olga },
      at: new Date(acme.world.clock.now()).toISOString(),
    });
    expect(ended).toBeGreaterThanOrEqual(3);
    expect(await acme.ca.find(serial)).toMatchObject({ status: 'revoked' });
    expectProblem((await client.open(open)).answer, 403, 'unauthorized');
    expectProblem(await client.finalize(by, order, requestFor([host])), 403, 'unauthorized');
    expect(newKey().publicKey.length).toBeGreaterThan(0);
  });
});
