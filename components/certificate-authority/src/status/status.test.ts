import { readFileSync } from 'node:fs';
import type { ReleasedCertificate } from '@countersign/contracts';
import { membersOf } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { encodePem, encodeStatusRequest, readX509Certificate } from '@countersign/x509';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from '../certificate-authority.ts';
import { shardOf } from '../shards.ts';
import { type AuthorityWorld, ari, createAuthorityWorld, holder, olga } from '../testing/authority-world.ts';
import { createOpenssl } from '../testing/openssl.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
let app: FastifyInstance;
const tool = createOpenssl();

beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload', 'person', 'partner');
  app = await world.serve(ca);
});
afterAll(async () => {
  tool.close();
  await app.close();
  await world.close();
});

/** Writes a certificate and its chain to files for OpenSSL. */
function filesOf({ certificate, chain: [issuing = new Uint8Array()] }: ReleasedCertificate, name: string) {
  return {
    leaf: tool.write(`${name}.pem`, encodePem('CERTIFICATE', certificate)),
    issuing: tool.write(`${name}-issuing.pem`, encodePem('CERTIFICATE', issuing)),
    root: tool.write('root.pem', encodePem('CERTIFICATE', world.root.der)),
  };
}
const partner = () => world.issue(ca, 'partner-client', 'service:partner');

/** Asks over the public interface, as `openssl ocsp` does. */
async function ocsp(files: ReturnType<typeof filesOf>, which: readonly string[], options: readonly string[] = []) {
  const request = tool.path('request.der');
  tool.run('ocsp', '-issuer', files.issuing, ...options, ...which, '-reqout', request);
  const answer = await app.inject({
    method: 'POST',
    url: '/pki/ocsp',
    headers: { 'content-type': 'application/ocsp-request' },
    payload: readFileSync(request),
  });
  const response = tool.write('response.der', answer.rawPayload);
  const nonce = options.includes('-no_nonce') ? ['-no_nonce'] : [];
  const told = tool.run(
    'ocsp',
    '-reqin',
    request,
    '-respin',
    response,
    ...nonce,
    '-issuer',
    files.issuing,
    '-CAfile',
    files.root,
    '-text',
  );
  return { told, headers: answer.headers };
}

describe('OCSP', () => {
  it('answers good in OpenSSL, and revoked with its reason right after the revocation', async () => {
    const issued = await partner();
    const files = filesOf(issued, 'one');
    expect((await ocsp(files, ['-cert', files.leaf])).told).toMatch(/Cert Status: good/);
    await ca.revoke(issued.serial, 'keyCompromise', olga);
    const { told } = await ocsp(files, ['-cert', files.leaf]);
    expect(told).toMatch(/Cert Status: revoked/);
    expect(told).toMatch(/Revocation Reason: keyCompromise/);
  });

  it('answers unknown, never good, for a serial number that is not in the log', async () => {
    const files = filesOf(await partner(), 'two');
    expect((await ocsp(files, ['-serial', '0x40112233445566778899aabbccddeeff'])).told).toMatch(/Cert Status: unknown/);
    const of = await world.issue(ca, 'operator-approval', 'person:ari.approver');
    // A serial number of another authority of this installation is also unknown.
    expect((await ocsp(files, ['-serial', `0x${of.serial}`])).told).toMatch(/Cert Status: unknown/);
  });

  it('matches certificate ids by SHA-256 too, and lets caches keep an answer without a nonce for ten seconds', async () => {
    const files = filesOf(await partner(), 'three');
    const { told, headers } = await ocsp(files, ['-sha256', '-cert', files.leaf], ['-no_nonce']);
    expect(told).toMatch(/Hash Algorithm: sha256[\s\S]*Cert Status: good/);
    expect(headers['cache-control']).toBe('public, max-age=10, must-revalidate');
    expect((await ocsp(files, ['-cert', files.leaf])).headers['cache-control']).toBe('no-store');
  });

  it('answers by GET, and has distinct responses for malformed and foreign requests', async () => {
    const files = filesOf(await partner(), 'four');
    const request = tool.path('get.der');
    tool.run('ocsp', '-issuer', files.issuing, '-no_nonce', '-cert', files.leaf, '-reqout', request);
    const path = encodeURIComponent(readFileSync(request).toString('base64'));
    const got = await app.inject({ url: `/pki/ocsp/${path}` });
    expect(got.statusCode).toBe(200);
    const shown = tool.run('ocsp', '-respin', tool.write('get-response.der', got.rawPayload), '-noverify', '-text');
    expect(shown).toMatch(/Cert Status: good/);
    const failureOf = (payload: Buffer) => payload.subarray(0, 5).toString('hex');
    expect(failureOf((await app.inject({ url: '/pki/ocsp/AAAA' })).rawPayload)).toBe('30030a0101');
    const foreign = tool.path('foreign.der');
    tool.run('ocsp', '-issuer', files.root, '-no_nonce', '-serial', '0x01', '-reqout', foreign);
    const answer = await app.inject({
      method: 'POST',
      url: '/pki/ocsp',
      headers: { 'content-type': 'application/ocsp-request' },
      payload: readFileSync(foreign),
    });
    expect(failureOf(answer.rawPayload)).toBe('30030a0106');
  });

  it('issues one certificate to the responder for many concurrent requests, and no other near the end of its authority', async () => {
    const ending = await createAuthorityWorld();
    const node = ending.node();
    const request = await node.requestAuthority('partner');
    const inTwoDays = ending.clock.now() + 2 * 86_400_000;
    const proposal = await node.proposeAuthority(
      'partner',
      await ending.root.grant(request, {}, inTwoDays),
      'ends',
      olga,
    );
    await node.approve(proposal.id, proposal.digest, ari);
    const { certificate, chain } = await ending.issue(node, 'partner-client', 'service:partner');
    const [leaf, issuing] = [certificate, chain[0] ?? new Uint8Array()].map(readX509Certificate);
    if (leaf === undefined || issuing === undefined) throw new Error('no chain');
    const asked = encodeStatusRequest(leaf, issuing);
    const own = () =>
      ending.records('certificate.issued').filter(({ data }) => membersOf(data)?.['profile'] === 'ocsp').length;
    await Promise.all(Array.from({ length: 20 }, () => node.responder.answer(asked)));
    for (const hours of [1, 10, 20]) {
      ending.clock.advance(hours * 3_600_000);
      expect((await node.responder.answer(asked)).response.length).toBeGreaterThan(200);
    }
    expect(own()).toBe(1);
    await ending.close();
  });

  it('is valid for ten minutes for approvals, and otherwise for an hour', async () => {
    const lifeOf = async (issued: ReleasedCertificate) => {
      const files = filesOf(issued, 'life');
      const { told } = await ocsp(files, ['-cert', files.leaf]);
      const [, from = '', until = ''] = /This Update: (.*)\n\s+Next Update: (.*)\n/.exec(told) ?? [];
      return (Date.parse(until) - Date.parse(from)) / 60_000;
    };
    expect(await lifeOf(await partner())).toBe(60);
    expect(await lifeOf(await world.issue(ca, 'operator-approval', 'person:ari.approver'))).toBe(10);
  });
});

describe('revocation lists', () => {
  const listOf = async (authority: string, shard: number) => {
    const answer = await app.inject({ url: `/pki/lists/${authority}/${shard}.crl` });
    return { status: answer.statusCode, der: answer.rawPayload };
  };

  it('make OpenSSL refuse a revoked certificate, and no other', async () => {
    const [good, bad] = [await partner(), await partner()];
    await ca.revoke(bad.serial, 'superseded', olga);
    await ca.lookAtDue();
    const check = async (issued: ReleasedCertificate) => {
      const files = filesOf(issued, 'listed');
      const { der } = await listOf(issued.authority, shardOf(issued.serial));
      const list = tool.path('list.pem');
      tool.run('crl', '-inform', 'DER', '-in', tool.write('list.der', der), '-out', list);
      return tool.run(
        'verify',
        '-extended_crl',
        '-crl_check',
        '-CRLfile',
        list,
        '-CAfile',
        files.root,
        '-untrusted',
        files.issuing,
        files.leaf,
      );
    };
    expect(await check(good)).toContain('OK');
    await expect(check(bad)).rejects.toThrow(/certificate revoked/);
  });

  it('of another shard are refused instead of the right one', async () => {
    const issued = await partner();
    const files = filesOf(issued, 'shards');
    const { der } = await listOf(issued.authority, (shardOf(issued.serial) + 1) % 8);
    const list = tool.path('other.pem');
    tool.run('crl', '-inform', 'DER', '-in', tool.write('other.der', der), '-out', list);
    expect(() =>
      tool.run(
        'verify',
        '-extended_crl',
        '-crl_check',
        '-CRLfile',
        list,
        '-CAfile',
        files.root,
        '-untrusted',
        files.issuing,
        files.leaf,
      ),
    ).toThrow(/different CRL scope|unable to get certificate CRL/);
  });

  it('have increasing numbers, and are signed again after a revocation and after an hour', async () => {
    const issued = await partner();
    const shard = shardOf(issued.serial);
    const numberOf = async () => (await ca.lists.list(issued.authority, shard)).number;
    const first = await numberOf();
    await ca.lookAtDue();
    expect(await numberOf()).toBe(first);
    await ca.revoke(issued.serial, 'superseded', olga);
    await ca.lookAtDue();
    const second = await numberOf();
    expect(second).toBeGreaterThan(first);
    world.clock.advance(3_600_001);
    await ca.lookAtDue();
    expect(await numberOf()).toBeGreaterThan(second);
  });

  it('of an unknown authority do not exist', async () => {
    const [{ id = '' } = {}] = await ca.authorities();
    expect((await listOf('nobody', 0)).status).toBe(404);
    expect((await listOf(id, 8)).status).toBe(404);
    expect((await app.inject({ url: `/pki/lists/${id}/x.crl` })).statusCode).toBe(404);
  });
});

describe('the public addresses', () => {
  it('serve the certificates of authorities, together and each at the address that certificates name', async () => {
    const issued = await partner();
    const all = await app.inject({ url: '/pki/authorities' });
    expect(all.body.match(/BEGIN CERTIFICATE/g)).toHaveLength(4);
    const one = await app.inject({ url: `/pki/authorities/${issued.authority}.cer` });
    expect(one.headers['content-type']).toBe('application/pkix-cert');
    expect(Buffer.compare(one.rawPayload, issued.chain[0] ?? new Uint8Array())).toBe(0);
    expect((await app.inject({ url: '/pki/authorities/nobody.cer' })).statusCode).toBe(404);
  });
});

describe('revocation', () => {
  it('is idempotent, is recorded once, and is refused after expiry', async () => {
    const issued = await partner();
    const before = world.records('certificate.revoked').length;
    await ca.revoke(issued.serial, 'superseded', olga);
    expect(await ca.revoke(issued.serial, 'keyCompromise', ari)).toMatchObject({ revocationReason: 'superseded' });
    expect(world.records('certificate.revoked')).toHaveLength(before + 1);
    const short = await world.issue(ca, 'trading-agent', 'agent:vwap-1');
    world.clock.advance(2 * 3_600_000);
    expect(await codeOf(ca.revoke(short.serial, 'superseded', olga))).toBe('certificate_over');
    expect(await codeOf(ca.revoke('0'.repeat(32), 'superseded', olga))).toBe('certificate_unknown');
  });

  it('follows the log: restored rows cannot undo it, and a deleted row comes back revoked', async () => {
    const issued = await partner();
    const pool = world.scratch.pool('certificate-authority');
    const { rows } = await pool.query('select * from certificates where serial = $1', [issued.serial]);
    await ca.revoke(issued.serial, 'keyCompromise', olga);
    const [yesterday] = rows as readonly { readonly state: unknown; readonly record: string }[];
    await pool.query("update certificates set state = $2, record = $3, status = 'valid' where serial = $1", [
      issued.serial,
      JSON.stringify(yesterday?.state),
      yesterday?.record,
    ]);
    expect(await ca.find(issued.serial)).toMatchObject({ status: 'revoked' });
    await pool.query('delete from certificates where serial = $1', [issued.serial]);
    expect(await ca.find(issued.serial)).toMatchObject({ status: 'revoked' });
    await pool.query('delete from certificates');
    await pool.query('delete from revocation_lists');
    await ca.lookAtDue();
    const { list } = await ca.lists.list(issued.authority, shardOf(issued.serial));
    const text = tool.run('crl', '-inform', 'DER', '-in', tool.write('restored.der', list), '-noout', '-text');
    expect(text.toLowerCase()).toContain(`serial number: ${issued.serial}`);
  });

  it('ends every certificate of a person who leaves, whatever the rows say, and spares later ones', async () => {
    const of = holder('person:ari.approver');
    const [one, two] = [await world.issue(ca, 'operator-approval', of), await world.issue(ca, 'operator-approval', of)];
    await world.scratch.pool('certificate-authority').query('delete from certificates where serial = $1', [one.serial]);
    const departure = {
      principal: of,
      kind: 'leave',
      at: new Date(world.clock.now()).toISOString(),
      by: ari,
      reason: 'left',
    } as const;
    world.clock.advance(1_000);
    const later = await world.issue(ca, 'operator-approval', of);
    expect((await ca.departureEffect.end(departure)).ended).toBeGreaterThanOrEqual(2);
    expect(await ca.departureEffect.end(departure)).toEqual({ ended: 0 });
    expect(await ca.find(one.serial)).toMatchObject({ status: 'revoked', revocationReason: 'cessationOfOperation' });
    expect(await ca.find(two.serial)).toMatchObject({ status: 'revoked' });
    expect(await ca.find(later.serial)).toMatchObject({ status: 'valid' });
  });
});
