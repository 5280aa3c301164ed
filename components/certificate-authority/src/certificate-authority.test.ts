import { membersOf } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { encodePem, readX509Certificate } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from './certificate-authority.ts';
import { releasedProfiles } from './profiles.ts';
import {
  type AuthorityWorld,
  ari,
  createAuthorityWorld,
  holder,
  newKey,
  olga,
  requestOf,
  stranger,
} from './testing/authority-world.ts';
import { createRoot } from './testing/ceremony.ts';
import { createOpenssl } from './testing/openssl.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
const tool = createOpenssl();

beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload', 'person', 'device', 'partner');
});
afterAll(async () => {
  tool.close();
  await world.close();
});

const { write, run: openssl } = tool;

describe('issuing', () => {
  it('gives a certificate that OpenSSL accepts under the policy of its profile, and under no other', async () => {
    const { certificate, chain, profile } = await world.issue(ca, 'trading-agent', 'agent:vwap-1');
    const leaf = write('leaf.pem', encodePem('CERTIFICATE', certificate));
    const issuing = write('issuing.pem', encodePem('CERTIFICATE', chain[0] ?? new Uint8Array()));
    const root = write('root.pem', encodePem('CERTIFICATE', world.root.der));
    const verify = (policy: string, ...more: readonly string[]) =>
      openssl(
        'verify',
        '-x509_strict',
        '-policy_check',
        '-explicit_policy',
        '-policy',
        policy,
        ...more,
        '-CAfile',
        root,
        '-untrusted',
        issuing,
        leaf,
      );
    expect(verify(releasedProfiles[profile].policy, '-purpose', 'sslclient')).toContain('OK');
    expect(() => verify(releasedProfiles.gateway.policy)).toThrow(/no explicit policy/);
    expect(() => verify(releasedProfiles[profile].policy, '-purpose', 'sslserver')).toThrow(
      /unsuitable certificate purpose/,
    );
    const text = openssl('x509', '-in', leaf, '-noout', '-text');
    expect(text).toContain('URI:spiffe://localhost/agent/vwap-1');
    expect(text).toMatch(/2\.5\.29\.56|No Revocation Available/);
    expect(text).not.toContain('CRL Distribution Points');
  });

  it('records the certificate before signing it: the record has its digest, its decision, and an id derived from the serial number', async () => {
    const issued = await world.issue(ca, 'risk-service', 'service:risk');
    const record = world.issuedToOthers().find(({ id }) => id === issued.recordId);
    expect(record).toMatchObject({
      id: issued.recordId,
      outcome: 'permit',
      subject: { id: 'person:olga.operator' },
      data: { holder: 'service:risk', tbs_digest: issued.tbsDigest, decision: { decision: true } },
    });
    expect(world.asked.at(-1)).toMatchObject({
      principal: 'service:risk',
      action: 'certificate:issue',
      resource: { type: 'resource', uri: 'urn:countersign:certificate-profile:risk-service' },
    });
  });

  it('releases nothing when the record cannot be written', async () => {
    world.log.breakDown('writing');
    expect(await codeOf(world.issue(ca, 'risk-service', 'service:risk'))).toBe('log_unavailable');
    world.log.repair();
    expect(await ca.list({ holder: 'service:risk' })).toHaveLength(1);
  });

  it('completes a certificate whose process died after the record, with the recorded octets', async () => {
    const dying = world.node();
    world.dieAfter(
      ({ type, data }) => type === 'certificate.issued' && membersOf(data)?.['profile'] === 'risk-service',
    );
    await expect(world.issue(dying, 'risk-service', 'service:risk')).rejects.toThrow('the process died');
    const record = world.issuedToOthers().findLast(({ data }) => membersOf(data)?.['profile'] === 'risk-service');
    const after = membersOf(membersOf(record?.data)?.['after']);
    const found = await ca.find(String(after?.['serial']));
    expect(found).toMatchObject({ status: 'valid', recordId: record?.id });
    const { toBeSigned } = readX509Certificate(found?.certificate ?? new Uint8Array());
    expect(Buffer.from(toBeSigned).toString('base64url')).toBe(after?.['tbs']);
  });

  it('refuses what the policies deny, and records the decision with the refusal', async () => {
    world.denying.set('agent:vwap-1', { code: 'agent_not_certified', detail: 'Have it certified.' });
    expect(await codeOf(world.issue(ca, 'trading-agent', 'agent:vwap-1'))).toBe('certificate_not_permitted');
    expect(world.records('certificate.denied').at(-1)).toMatchObject({
      reason: 'certificate_not_permitted',
      data: { operation: 'issue', holder: 'agent:vwap-1', decision: { decision: false } },
    });
    world.denying.clear();
  });

  it.each([
    ['a profile for another kind of holder', 'trading-agent', 'service:risk', 'certificate_request_refused'],
    ['a holder that nobody knows', 'risk-service', 'service:nobody', 'certificate_request_refused'],
    ['a host profile without a host', 'gateway', 'service:gateway', 'certificate_request_refused'],
  ] as const)('refuses %s', async (_, profile, of, code) => {
    expect(await codeOf(world.issue(ca, profile, of))).toBe(code);
  });

  it('refuses a caller of another institution, a key of another holder, and octets that are not a request', async () => {
    expect(await codeOf(world.issue(ca, 'risk-service', 'service:risk', newKey(), stranger))).toBe(
      'certificate_request_refused',
    );
    const key = newKey();
    await world.issue(ca, 'risk-service', 'service:risk', key);
    expect(await codeOf(world.issue(ca, 'trading-agent', 'agent:vwap-1', key))).toBe('certificate_key_refused');
    const order = { profile: 'risk-service', holder: holder('service:risk') } as const;
    expect(await codeOf(ca.issue({ ...order, request: new Uint8Array(20) }, olga))).toBe('certificate_request_invalid');
    const request = Buffer.from(await requestOf(newKey()));
    request[request.length - 3] = (request[request.length - 3] ?? 0) ^ 1;
    expect(await codeOf(ca.issue({ ...order, request }, olga))).toBe('certificate_request_invalid');
  });

  it('refuses what the accepted authority may not name, and records the refusal and no certificate', async () => {
    // The installation has moved to another host, and no ceremony has been held since.
    const moved = world.node({ issuer: 'https://other.example' });
    const before = world.issuedToOthers().length;
    expect(await codeOf(world.issue(moved, 'trading-agent', 'agent:vwap-1'))).toBe('certificate_unfit');
    expect(world.issuedToOthers()).toHaveLength(before);
    expect(world.records('certificate.denied').at(-1)).toMatchObject({ outcome: 'deny', reason: 'certificate_unfit' });
  });

  it('lists a revoked certificate by its status, behind however many newer ones, and an expired one once it is', async () => {
    const serials = async (status: 'valid' | 'revoked' | 'expired') =>
      (await ca.list({ holder: 'service:risk', status })).map(({ serial }) => serial);
    const { serial } = await world.issue(ca, 'risk-service', 'service:risk');
    await ca.revoke(serial, 'superseded', olga);
    let newest = '';
    for (let count = 0; count < 101; count += 1)
      newest = (await world.issue(ca, 'risk-service', 'service:risk')).serial;
    expect(await serials('revoked')).toContain(serial);
    expect(await serials('valid')).not.toContain(serial);
    expect(await serials('valid')).toHaveLength(100);
    expect(await serials('expired')).not.toContain(newest);
    world.clock.advance(3 * 86_400_000);
    expect(await serials('expired')).toContain(newest);
    expect(await serials('valid')).toEqual([]);
    expect(await serials('revoked')).toContain(serial);
  });

  it('renews only for the same holder and profile', async () => {
    const first = await world.issue(ca, 'risk-service', 'service:risk');
    const order = async (profile: 'risk-service' | 'trading-agent', of: string) => ({
      ...{ profile, holder: holder(of), predecessor: first.serial },
      request: await requestOf(newKey()),
    });
    expect(await ca.issue(await order('risk-service', 'service:risk'), olga)).toMatchObject({
      predecessor: first.serial,
    });
    expect(await codeOf(ca.issue(await order('trading-agent', 'agent:vwap-1'), olga))).toBe('certificate_unknown');
    await ca.revoke(first.serial, 'superseded', olga);
    expect(await codeOf(ca.issue(await order('risk-service', 'service:risk'), olga))).toBe('certificate_over');
  });
});

describe('authorities and profiles', () => {
  it('accepts the result of a ceremony only with exactly the requested constraints', async () => {
    const request = await ca.requestAuthority('service');
    const propose = async (...grant: Parameters<typeof world.root.grant>) =>
      codeOf(ca.proposeAuthority('service', await world.root.grant(...grant), 'a reason', olga));
    expect(await propose(request, { uriHosts: ['elsewhere.example'] })).toBe('authority_certificate_invalid');
    expect(await propose(request, { dnsNames: ['bank.example'] })).toBe('authority_certificate_invalid');
    expect(await propose(request, { policies: [...request.policies, '1.2.3'] })).toBe('authority_certificate_invalid');
    expect(await propose({ ...request, id: 'another' })).toBe('authority_certificate_invalid');
    const other = await createRoot(world.clock.now());
    const granted = await world.root.grant(request);
    expect(await codeOf(ca.proposeAuthority('service', { ...granted, root: other.der }, 'a reason', olga))).toBe(
      'authority_certificate_invalid',
    );
  });

  it('needs two people, and issues nothing until both have acted', async () => {
    expect(await codeOf(world.issue(ca, 'time-stamping', 'service:risk'))).toBe('authority_unavailable');
    const proposal = await ca.proposeAuthority(
      'service',
      await world.root.grant(await ca.requestAuthority('service')),
      'first',
      olga,
    );
    expect(await codeOf(ca.approve(proposal.id, proposal.digest, olga))).toBe('authority_own_proposal');
    expect(await codeOf(ca.approve(proposal.id, 'x'.repeat(43), ari))).toBe('authority_proposal_outdated');
    expect(await codeOf(world.issue(ca, 'time-stamping', 'service:risk'))).toBe('authority_unavailable');
    expect(await ca.approve(proposal.id, proposal.digest, ari)).toMatchObject({ status: 'approved' });
    expect(await codeOf(ca.approve(proposal.id, proposal.digest, ari))).toBe('authority_proposal_settled');
    expect(await world.issue(ca, 'time-stamping', 'service:risk')).toMatchObject({ profile: 'time-stamping' });
  });

  it('publishes an authority before it signs', async () => {
    const patient = world.node({ publishBeforeUseMs: 3_600_000 });
    await world.signer.rotate('certificate-person');
    world.signer.activate('certificate-person');
    const request = await patient.requestAuthority('person');
    const proposal = await patient.proposeAuthority('person', await world.root.grant(request), 'roll-over', olga);
    await patient.approve(proposal.id, proposal.digest, ari);
    const states = async () =>
      new Map(
        (await patient.authorities()).filter((one) => one.class === 'person').map(({ id, state }) => [id, state]),
      );
    expect((await states()).get(request.id)).toBe('published');
    const before = await world.issue(patient, 'operator-approval', 'person:ari.approver');
    expect(before.authority).not.toBe(request.id);
    world.clock.advance(3_600_000);
    expect((await states()).get(request.id)).toBe('active');
    expect((await states()).get(before.authority)).toBe('retiring');
    expect((await world.issue(patient, 'operator-approval', 'person:ari.approver')).authority).toBe(request.id);
  });

  it('does not issue with a key that is too old, and records the refusal; lists and statuses continue', async () => {
    const issued = await world.issue(ca, 'risk-service', 'service:risk');
    world.clock.advance(61_000);
    const old = world.node({ replaceKeysAfterMs: 60_000 });
    expect(await codeOf(world.issue(old, 'risk-service', 'service:risk'))).toBe('authority_over_age');
    expect(world.records('certificate.denied').at(-1)).toMatchObject({ outcome: 'deny', reason: 'authority_over_age' });
    expect(await old.find(issued.serial)).toMatchObject({ status: 'valid' });
    await old.lookAtDue();
    expect((await old.lists.list(issued.authority, 0)).list.length).toBeGreaterThan(100);
  });

  it('lets two people shorten the lifetimes of a profile or disable it, but never exceed the release', async () => {
    const terms = { enabled: true, lifetimeSeconds: 600, dnsNames: [] };
    expect(
      await codeOf(ca.proposeTerms('partner-client', { ...terms, lifetimeSeconds: 91 * 86_400 }, 'longer', olga)),
    ).toBe('profile_terms_invalid');
    expect(await codeOf(ca.proposeTerms('partner-client', { ...terms, dnsNames: ['a.example'] }, 'hosts', olga))).toBe(
      'profile_terms_invalid',
    );
    expect(await codeOf(ca.proposeTerms('nothing', terms, 'a reason', olga))).toBe('profile_unknown');
    const shorter = await ca.proposeTerms('partner-client', terms, 'shorter', olga);
    await ca.approve(shorter.id, shorter.digest, ari);
    const issued = await world.issue(ca, 'partner-client', 'service:partner');
    expect(Date.parse(issued.notAfter) - world.clock.now()).toBeLessThanOrEqual(600_999);
    expect(issued.profileVersion).toBe(1);
    const off = await ca.proposeTerms('partner-client', { ...terms, enabled: false }, 'off', olga);
    await ca.approve(off.id, off.digest, ari);
    expect(await codeOf(world.issue(ca, 'partner-client', 'service:partner'))).toBe('certificate_request_refused');
  });

  it('ends the proposals of a person who leaves', async () => {
    const terms = { enabled: true, lifetimeSeconds: 600, dnsNames: [] };
    const { id, digest } = await ca.proposeTerms('device', terms, 'shorter', olga);
    const ended = { before: world.clock.now(), by: ari, reason: 'left' };
    expect(await ca.endProposalsOf(olga.id, ended)).toBe(1);
    expect(await ca.endProposalsOf(olga.id, ended)).toBe(0);
    expect(await codeOf(ca.approve(id, digest, ari))).toBe('authority_proposal_settled');
  });
});
