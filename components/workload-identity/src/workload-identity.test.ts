import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ari,
  configuration,
  createWorkloadWorld,
  image,
  launcher,
  node1,
  olga,
  operator,
  termsWith,
  type WorkloadWorld,
} from './testing/workload-world.ts';

let world: WorkloadWorld;
beforeAll(async () => {
  world = await createWorkloadWorld();
});
afterAll(() => world.scratch.drop());

describe('a registration entry', () => {
  it('needs two people, and the approver names the digest of the proposal', async () => {
    const { id, digest } = await world.workloads.propose('risk', termsWith(), 'new', olga);
    expect(await codeOf(world.workloads.approve(id, digest, olga))).toBe('workload_own_proposal');
    expect(await codeOf(world.workloads.approve(id, 'A'.repeat(43), ari))).toBe('workload_proposal_outdated');
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('workload_unknown');
    await world.workloads.approve(id, digest, ari);
    expect(await codeOf(world.workloads.approve(id, digest, ari))).toBe('workload_proposal_settled');
    expect(await world.workloads.entry('risk')).toMatchObject({
      ...{ version: 1, status: 'active', spiffeId: 'spiffe://countersign.example/service/risk' },
    });
  });

  it.each([
    ['an image that is only asserted', { level: 'asserted' }],
    ['a trading agent without a configuration', { holder: 'agent:vwap-1', profile: 'trading-agent' }],
    ['a profile for another kind of principal', { profile: 'trading-agent', configuration }],
    ['a workload that attests itself', { attesters: ['service:risk'] }],
    ['an attester that is a person', { attesters: ['person:olga.operator'] }],
    ['a gateway without a host', { profile: 'gateway' }],
    ['a host for another profile', { dns_names: ['a.example'] }],
    ['the image among the selectors', { selectors: [{ name: 'image', values: [image] }] }],
    [
      'a fact twice',
      {
        selectors: [
          { name: 'user', values: ['1'] },
          { name: 'user', values: ['2'] },
        ],
      },
    ],
    ['a digest of another form', { images: [image.toUpperCase()] }],
    ['no attester', { attesters: [] }],
    ['an unknown member', { trusted: true }],
  ])('is refused with %s', async (_, changes) => {
    expect(await codeOf(world.workloads.propose('other', termsWith(changes), 'new', olga))).toBe(
      'workload_terms_invalid',
    );
  });

  it.each(['Risk', '', 'a/b', 'proposals', 'bundle', '-a', 'a'.repeat(65)])(
    'cannot have a name like "%s"',
    async (name) => {
      expect(await codeOf(world.workloads.propose(name, termsWith(), 'new', olga))).toBe('workload_terms_invalid');
    },
  );

  it('cannot change its principal', async () => {
    const terms = termsWith({ holder: 'agent:vwap-1', profile: 'trading-agent', configuration });
    expect(await codeOf(world.workloads.propose('risk', terms, 'another', olga))).toBe('workload_terms_invalid');
  });

  it('is the same on another node, and after the loss of rows and process', async () => {
    expect(await world.node().entry('risk')).toEqual(await world.workloads.entry('risk'));
  });
});

describe('an attestation', () => {
  it('is recorded before the certificate, and record and certificate name each other', async () => {
    const svid = await world.attest('risk', [launcher()]);
    const record = world.log.ofType('workload.attested').at(-1);
    expect(record).toMatchObject({ id: svid.record, data: { evidence: svid.evidence, level: 'kernel-observed' } });
    expect(world.orders.at(-1)).toMatchObject({
      holder: 'service:risk',
      workload: { image, evidence: svid.evidence, record: svid.record },
    });
  });

  it('releases nothing when its record cannot be written', async () => {
    const before = world.orders.length;
    world.log.breakDown('writing');
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('log_unavailable');
    expect(await codeOf(world.attest('risk', [launcher({ image: 'cd'.repeat(32) })]))).toBe('log_unavailable');
    world.log.repair();
    expect(world.orders).toHaveLength(before);
  });

  it.each([
    ['another image', [launcher({ image: 'cd'.repeat(32) })], 'workload_image_differs'],
    ['another environment', [launcher({ environment: 'other' })], 'workload_environment_differs'],
    ['no image', [{ kind: 'process', environment: 'test', user: '1000' }], 'workload_evidence_missing'],
    [
      'an image on its own word beside another one that was observed',
      [launcher({ image: 'cd'.repeat(32) }), { kind: 'self', facts: [{ name: 'image', value: image }] }],
      'workload_image_differs',
    ],
    [
      'two observations that contradict each other',
      [launcher(), { kind: 'process', environment: 'test', user: '1000', image: 'cd'.repeat(32) }],
      'workload_image_differs',
    ],
  ])('refuses %s, and records why', async (_, evidence, code) => {
    expect(await codeOf(world.attest('risk', evidence))).toBe(code);
    expect(world.refusals().at(-1)).toMatchObject({ reason: code, data: { entry: 'risk', holder: 'service:risk' } });
  });

  it.each([
    ['an unknown kind', [{ kind: 'trust-me' }]],
    ['an unknown member', [launcher({ level: 'hardware-rooted' })]],
    ['nothing', []],
    ['too much', Array.from({ length: 9 }, () => launcher())],
    ['something else', ['launcher']],
    ['a digest with a control character', [launcher({ image: `${'ab'.repeat(31)}a\n` })]],
  ])('refuses evidence of %s as malformed', async (_, evidence) => {
    expect(await codeOf(world.attest('risk', evidence))).toBe('workload_evidence_invalid');
  });

  it('is only for attesters of the entry, of its institution and its environment', async () => {
    expect(await codeOf(world.attest('risk', [launcher()], { ...node1, id: 'service:node-2' }))).toBe(
      'workload_attester_unknown',
    );
    expect(await codeOf(world.attest('risk', [launcher()], { ...node1, institution: '529900BROKEREXAMPL12' }))).toBe(
      'workload_attester_unknown',
    );
    world.environments.set('node-1', 'production');
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('workload_environment_differs');
    world.environments.set('node-1', 'sandbox');
  });
});

describe('a certificate that was issued', () => {
  const standingOf = async ({ record }: { readonly record: string }, by = node1) =>
    world.workloads.standing('risk', by, record);
  const renew = (reason: string) => ({ is: 'renew', reason });

  it('no longer counts once other software was found on its machine, until the next attestation', async () => {
    const node2 = { ...node1, id: 'service:node-2', client: 'node-1' };
    await world.register('risk', termsWith({ attesters: [node1.id, node2.id] }));
    const [svid, elsewhere] = [
      await world.attest('risk', [launcher()]),
      await world.attest('risk', [launcher()], node2),
    ];
    expect(await standingOf(svid)).toEqual({ is: 'active' });
    await codeOf(world.attest('risk', [launcher({ image: 'cd'.repeat(32) })]));
    expect(await standingOf(svid)).toMatchObject(renew('workload_refused'));
    expect(await standingOf(elsewhere, node2)).toEqual({ is: 'active' });
    expect(await standingOf(await world.attest('risk', [launcher()]))).toEqual({ is: 'active' });
    expect(await standingOf(svid)).toMatchObject(renew('workload_refused'));
  });

  it('is not affected by evidence that proves nothing', async () => {
    const svid = await world.attest('risk', [launcher()]);
    const self = { kind: 'self', facts: [{ name: 'image', value: 'cd'.repeat(32) }] };
    const process = { kind: 'process', environment: 'test', user: '1000' };
    expect(await codeOf(world.attest('risk', [self]))).toBe('workload_evidence_missing');
    expect(await codeOf(world.attest('risk', [process, self]))).toBe('workload_assurance_low');
    expect(await standingOf(svid)).toEqual({ is: 'active' });
  });

  it('must be renewed after a change of its entry, and when nobody knows its attestation', async () => {
    const svid = await world.attest('risk', [launcher()]);
    await world.register('risk', termsWith({ images: [image, 'cd'.repeat(32)] }));
    expect(await standingOf(svid)).toMatchObject(renew('workload_terms_changed'));
    const { id } = world.log.ofType('workload.approved').at(-1) ?? { id: '' };
    for (const record of ['rec_unknown', id])
      expect(await standingOf({ record })).toMatchObject(renew('workload_attestation_unknown'));
  });
});

describe('the end of a workload', () => {
  it('takes effect with one person, and lasts until two have approved the entry again', async () => {
    await world.workloads.suspend('risk', 'kill switch', olga);
    expect(await world.workloads.suspend('risk', 'kill switch', olga)).toMatchObject({ status: 'suspended' });
    expect(world.log.ofType('workload.suspended')).toHaveLength(1);
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('workload_ended');
    expect(await world.workloads.standing('risk', node1)).toMatchObject({ is: 'ended', reason: 'workload_ended' });
    await world.register('risk', termsWith());
    expect(await world.workloads.standing('risk', node1)).toEqual({ is: 'active' });
  });

  it('follows the departure of its principal, which suspends its entries', async () => {
    const departure = {
      principal: 'service:risk' as never,
      kind: 'leave',
      at: new Date(world.clock.now() + 1).toISOString(),
      by: olga,
      reason: 'left',
    } as const;
    expect(await world.workloads.departureEffect.end(departure)).toEqual({ ended: 1 });
    expect(await world.workloads.departureEffect.end(departure)).toEqual({ ended: 0 });
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('workload_ended');
    await world.register('risk', termsWith());
  });

  it('follows when the principal is no longer in the directory', async () => {
    world.principals.delete('service:risk');
    expect(await codeOf(world.attest('risk', [launcher()]))).toBe('workload_ended');
    world.principals.set('service:risk', { kind: 'service', institution: operator });
  });

  it('includes the proposals of a person who leaves', async () => {
    const { id, digest } = await world.workloads.propose('risk', termsWith(), 'again', olga);
    const ended = { before: world.clock.now(), by: ari, reason: 'left' };
    expect(await world.workloads.endProposalsOf(olga.id, ended)).toBe(1);
    expect(await codeOf(world.workloads.approve(id, digest, ari))).toBe('workload_proposal_settled');
  });
});
