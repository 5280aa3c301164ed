import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RecordId } from '@countersign/kernel';
import { sha256 } from '@countersign/kernel';
import { components, findComponent } from '@countersign/testkit';
import { encodeTimeStampRequest, readTimeStampResponse, verifyTimeStampToken } from '@countersign/x509';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { defaultPolicy, type RunningTimeStamping } from '../index.ts';
import { createTimeStampingWorld, type TimeStampingWorld } from '../testing/time-stamping-world.ts';
import { serialNumberOf } from './serial-number.ts';

const digest = sha256('an order');
const imprint = { hash: 'sha256', digest } as const;
const request = (changes: object = {}) =>
  encodeTimeStampRequest({ imprint, certificateWanted: true, nonce: 77n, ...changes });

let world: TimeStampingWorld;
let node: RunningTimeStamping;
beforeEach(async () => {
  world = await createTimeStampingWorld();
  node = world.node();
});
afterEach(() => world.close());

async function granted(octets: Uint8Array, by = node): Promise<Uint8Array> {
  const response = readTimeStampResponse(await by.authority.answer(octets, { address: '192.0.2.7' }));
  if (!response.granted) throw new Error(response.text);
  return response.token;
}
const refused = async (octets: Uint8Array, by = node) => {
  const response = readTimeStampResponse(await by.authority.answer(octets, {}));
  return response.granted ? 'granted' : response.failures.join();
};
const verify = async (token: Uint8Array, by = node) =>
  verifyTimeStampToken({ token, digest, nonce: 77n, trusted: { certificates: await by.certificates.all() } });

describe('the authority', () => {
  it('stamps a digest under its policy, and records it before it returns the token', async () => {
    const verdict = await verify(await granted(request()));
    expect(verdict).toMatchObject({
      ok: true,
      timeStamp: { time: expect.any(String), milliseconds: world.clock.now(), policy: defaultPolicy },
    });
    const [record, ...others] = world.log.ofType('timestamp.issued');
    expect(others).toEqual([]);
    expect(record).toMatchObject({
      outcome: 'done',
      address: '192.0.2.7',
      data: { digest: digest.toString('base64url'), digest_algorithm: 'sha256', policy: defaultPolicy },
    });
    // The serial number is that of the record's id: the holder of a token finds its record.
    if (!verdict.ok || record === undefined) throw new Error('no token');
    expect(verdict.timeStamp.serial).toBe(serialNumberOf(record.id).toString(16));
    expect(record.data).toMatchObject({ serial: verdict.timeStamp.serial });
  });

  it('returns nothing while the log cannot be written', async () => {
    world.log.breakDown('writing');
    await expect(node.authority.answer(request(), {})).rejects.toMatchObject({ code: 'log_unavailable' });
    await expect(node.authority.answer(request({ policy: '1.2.3' }), {})).rejects.toMatchObject({
      code: 'log_unavailable',
    });
  });

  it('omits its certificate when it was not requested', async () => {
    const [bare, full] = [await granted(request({ certificateWanted: false })), await granted(request())];
    const certificate = Buffer.from((await node.certificates.current()).certificate);
    expect(Buffer.from(bare).includes(certificate)).toBe(false);
    expect(Buffer.from(full).includes(certificate)).toBe(true);
    expect(await verify(bare)).toMatchObject({ ok: true });
  });

  it.each<[string, Uint8Array, string, string]>([
    ['a policy that is not its own', request({ policy: '1.2.3' }), 'unacceptedPolicy', 'timestamp_request_malformed'],
    ['a digest that it does not take', sha1Request(), 'badAlg', 'timestamp_request_malformed'],
    ['not a request', Buffer.from('a request'), 'badDataFormat', 'timestamp_request_malformed'],
    ['an extension', withExtension(), 'unacceptedExtension', 'timestamp_request_malformed'],
  ])('refuses %s with the reason of RFC 3161, and records it', async (_, octets, failure, reason) => {
    expect(await refused(octets)).toBe(failure);
    expect(world.log.ofType('timestamp.refused')).toMatchObject([{ outcome: 'deny', reason, data: { failure } }]);
    expect(world.log.ofType('timestamp.issued')).toEqual([]);
  });

  it('accepts its own policy by name', async () => {
    expect(await refused(request({ policy: defaultPolicy }))).toBe('granted');
  });

  it('states the accuracy of its time: offset, uncertainty and its resolution of a millisecond', async () => {
    const measured = { measured: true, offsetUs: -1_200, uncertaintyUs: 300 } as const;
    const exact = world.node({ clockQuality: () => ({ reading: measured, withinBudget: true }) });
    expect(await verify(await granted(request(), exact))).toMatchObject({
      timeStamp: { accuracyMicroseconds: 2_500 },
    });
    expect(world.log.ofType('timestamp.issued')).toMatchObject([{ data: { accuracy_us: 2_500 } }]);
  });

  it('states no accuracy when it is unknown', async () => {
    const unknown = world.node({ clockQuality: () => ({ reading: { measured: false }, withinBudget: undefined }) });
    for (const by of [node, unknown]) {
      const verdict = await verify(await granted(request(), by));
      if (!verdict.ok) throw new Error(verdict.detail);
      expect(verdict.timeStamp.accuracyMicroseconds).toBeUndefined();
    }
  });

  it('does not stamp while its clock is outside the error budget, not even for internal use', async () => {
    const late = world.node({ clockQuality: () => ({ reading: { measured: false }, withinBudget: false }) });
    expect(await refused(request(), late)).toBe('timeNotAvailable');
    expect(world.log.ofType('timestamp.refused')).toMatchObject([{ reason: 'timestamp_unavailable' }]);
    await expect(late.timeStamper.stamp(digest)).rejects.toMatchObject({ code: 'timestamp_refused' });
  });

  it('never issues two tokens with one serial number, on any node', async () => {
    const nodes = [node, world.node()];
    await Promise.all(Array.from({ length: 40 }, (_, at) => granted(request(), nodes[at % 2])));
    const serials = world.log.ofType('timestamp.issued').map(({ data }) => JSON.stringify(data));
    const numbers = serials.map((text) => (JSON.parse(text) as { serial: string }).serial);
    expect(new Set(numbers).size).toBe(40);
  });
});

describe('a serial number', () => {
  it('is the number in the id', () => {
    expect(serialNumberOf('rec_00000000000000000000000001' as RecordId)).toBe(1n);
    expect(serialNumberOf('rec_7zzzzzzzzzzzzzzzzzzzzzzzzz' as RecordId)).toBe(2n ** 128n - 1n);
  });
});

describe('its certificate', () => {
  it('is the same on nodes that need the first one at once', async () => {
    const nodes = Array.from({ length: 6 }, () => world.node());
    const certificates = await Promise.all(nodes.map((one) => one.certificates.current()));
    expect(new Set(certificates.map(({ certificate }) => Buffer.from(certificate).toString('hex'))).size).toBe(1);
    const read = new X509Certificate(certificates[0]?.certificate ?? new Uint8Array());
    expect(read.subject).toBe('O=Example Bank AG\nCN=Countersign time stamps');
    expect(read.ca).toBe(false);
    expect(read.verify(read.publicKey)).toBe(true);
    expect(read.keyUsage).toEqual(['1.3.6.1.5.5.7.3.8']);
    const years = (Date.parse(read.validTo) - world.clock.now()) / (365 * 86_400_000);
    expect(years).toBeCloseTo(10, 2);
  });

  it('is no longer trusted once its key was withdrawn, and the next key has its own', async () => {
    const token = await granted(request());
    const { kid } = await world.key();
    await world.withdraw(kid);
    const all = await node.certificates.all();
    expect(all).toHaveLength(1);
    expect(await verify(token)).toMatchObject({ ok: false });
    expect(await verify(await granted(request()))).toMatchObject({ ok: true });
  });
});

describe('over HTTP', () => {
  const query = {
    method: 'POST',
    url: '/timestamps',
    headers: { 'content-type': 'application/timestamp-query' },
  } as const;

  it('it answers as RFC 3161 specifies', async () => {
    const app = await world.serve(node);
    const answer = await app.inject({ ...query, payload: Buffer.from(request()) });
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'application/timestamp-reply']);
    const response = readTimeStampResponse(answer.rawPayload);
    expect(response.granted).toBe(true);
    const refusal = await app.inject({ ...query, payload: 'x' });
    expect(refusal.statusCode).toBe(200);
    expect(readTimeStampResponse(refusal.rawPayload)).toMatchObject({ granted: false, failures: ['badDataFormat'] });
  });

  it('it accepts only such requests, up to a maximum size', async () => {
    const app = await world.serve(node);
    const json = await app.inject({ method: 'POST', url: '/timestamps', payload: { digest: 'x' } });
    expect(json.json()).toMatchObject({ code: 'media_type_unsupported' });
    const empty = await app.inject({ method: 'POST', url: '/timestamps' });
    expect(empty.json()).toMatchObject({ code: 'timestamp_request_malformed' });
    const long = await app.inject({ ...query, payload: Buffer.alloc(5_000) });
    expect([long.statusCode, long.json().code]).toEqual([413, 'body_too_large']);
    expect(world.log.ofType('timestamp.refused')).toEqual([]);
  });

  it('it says that the log cannot be written', async () => {
    const app = await world.serve(node);
    world.log.breakDown('writing');
    const answer = await app.inject({ ...query, payload: Buffer.from(request()) });
    expect([answer.statusCode, answer.json().code]).toEqual([503, 'log_unavailable']);
  });

  it('it limits the requests of one address, and does not record the excess', async () => {
    const app = await world.serve(node, { rate: { burst: 3, perSecond: 2 } });
    const ask = async (remoteAddress: string) =>
      (await app.inject({ ...query, remoteAddress, payload: Buffer.from(request()) })).statusCode;
    for (const status of [200, 200, 200, 429, 429]) expect(await ask('192.0.2.1')).toBe(status);
    expect(await ask('192.0.2.2')).toBe(200);
    world.clock.advance(500);
    for (const status of [200, 429]) expect(await ask('192.0.2.1')).toBe(status);
    expect(world.log.ofType('timestamp.refused')).toEqual([]);
    expect(world.log.ofType('timestamp.issued')).toHaveLength(5);
  });

  it('it limits the requests of all addresses together', async () => {
    const app = await world.serve(node, { overallRate: { burst: 4, perSecond: 1 } });
    const statuses: number[] = [];
    for (let at = 0; at < 6; at++)
      statuses.push(
        (await app.inject({ ...query, remoteAddress: `192.0.2.${at}`, payload: Buffer.from(request()) })).statusCode,
      );
    expect(statuses).toEqual([200, 200, 200, 200, 429, 429]);
  });
});

const openssl = findComponent(components.openssl);

describe.skipIf(!openssl.found)(`OpenSSL${openssl.found ? '' : ` (skipped: ${openssl.reason})`}`, () => {
  it('sends it a request, and verifies the answer with its published certificates', async () => {
    const program = openssl.found ? openssl.path : '';
    const folder = mkdtempSync(join(tmpdir(), 'countersign-stamps-'));
    const run = (...args: readonly string[]): string =>
      execFileSync('/bin/sh', ['-c', 'exec "$0" "$@" 2>&1', program, ...args], { cwd: folder, encoding: 'utf8' });
    try {
      const app = await world.serve(node);
      writeFileSync(join(folder, 'order'), 'an order');
      run('ts', '-query', '-data', 'order', '-sha256', '-cert', '-out', 'query');
      const answer = await app.inject({
        method: 'POST',
        url: '/timestamps',
        headers: { 'content-type': 'application/timestamp-query' },
        payload: readFileSync(join(folder, 'query')),
      });
      writeFileSync(join(folder, 'reply'), answer.rawPayload);
      const certificates = await app.inject({ url: '/timestamps/certificates' });
      expect(certificates.headers['content-type']).toBe('application/pem-certificate-chain');
      writeFileSync(join(folder, 'authority.pem'), certificates.payload);
      const verified = run('ts', '-verify', '-queryfile', 'query', '-in', 'reply', '-CAfile', 'authority.pem');
      expect(verified).toContain('Verification: OK');
      expect(run('ts', '-reply', '-in', 'reply', '-text')).toContain(`Policy OID: ${defaultPolicy}`);
      const current = await app.inject({ url: '/timestamps/certificate' });
      expect(current.headers['content-type']).toBe('application/pkix-cert');
      expect(new X509Certificate(certificates.payload).raw).toEqual(current.rawPayload);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

function sha1Request(): Uint8Array {
  return Buffer.concat([Buffer.from('30260201013021300906052b0e03021a05000414', 'hex'), Buffer.alloc(20)]);
}

/** A request with the non-critical extension 1.2.3.4. */
function withExtension(): Uint8Array {
  const plain = encodeTimeStampRequest({ imprint, certificateWanted: false });
  const extensions = Buffer.from('a00b300906032a030404020500', 'hex');
  const head = Buffer.of(0x30, (plain[1] ?? 0) + extensions.length);
  return Buffer.concat([head, plain.subarray(2), extensions]);
}
