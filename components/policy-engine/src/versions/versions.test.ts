import { policyErrors, type Requester } from '@countersign/contracts';
import { CodedError, digestOf } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { hashOfBundle, partsOf } from '../bundle/parts.ts';
import { about, approver, createRig, proposer, type Rig } from '../testing/governance-rig.ts';
import { holdLine } from '../testing/hold-line.ts';
import { smallBundle } from '../testing/small-bundle.ts';
import type { GovernedVersions } from './versions.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const stricter = smallBundle('500.0');

async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

/** Proposes a bundle with a finished simulation. */
async function propose(node: GovernedVersions, bundle = stricter, by: Requester = proposer) {
  const simulation = rig.simulated(bundle, node.current().version.version);
  return node.propose(bundle, { ...about, simulation }, by);
}

/** A person, through the software that they signed in to. */
const ada: Requester = { id: 'person:ada.first', institution: '529900ASSETMNGRDEM02', through: ['service:cli'] };
const grace: Requester = { id: 'person:grace', institution: '529900ASSETMNGRDEM02', through: ['service:approver'] };

async function publish(node: GovernedVersions, bundle = stricter) {
  const { id, digest } = await propose(node, bundle);
  return node.approve(id, digest, approver);
}

const recordsOf = (type: string) => rig.records.filter((record) => record.type === type);
const sql = (text: string, values: unknown[] = []) => rig.scratch.pool('policy-engine').query(text, values);

/** A node without notifications, and a counter of how often it has verified a version. */
async function openWatched() {
  const watched = { verified: 0 };
  const node = await rig.open({
    pollMs: 3_600_000,
    signer: {
      ...rig.keys,
      publicKeys: () => {
        watched.verified += 1;
        return rig.keys.publicKeys('policy-bundle');
      },
    },
  });
  watched.verified = 0;
  return { node, watched };
}

/** A log for errors only, and what was written to it. */
function errorLog() {
  const logged: string[] = [];
  const logger = createLogger({ level: 'error', name: 'test' });
  logger.error = (_: object, message?: string) => void logged.push(message ?? '');
  return { logged, logger };
}

describe('an installation', () => {
  it('starts with the bundle of the release, recorded with its texts and signed', async () => {
    const node = await rig.open();
    const { version, loaded } = node.current();
    expect(version).toMatchObject({ version: 1, changeRequest: 'release', proposedBy: 'service:countersign' });
    expect(version.approvedBy).toBeUndefined();
    expect(version.signature).toMatchObject({ algorithm: 'ES256', kid: (await rig.keys.current('policy-bundle')).kid });
    expect(version.policies.map(({ id }) => id)).toEqual(['trader-creates-orders', 'too-large']);
    expect(loaded.hash).toBe(hashOfBundle(smallBundle()));
    expect(rig.records).toMatchObject([
      {
        id: version.recordId,
        type: 'policy.published',
        data: { version: 1, hash: version.hash, parts: partsOf(smallBundle()) },
      },
    ]);
  });

  it('gets one first version however many nodes start at once', async () => {
    const nodes = await Promise.all(Array.from({ length: 6 }, () => rig.open()));
    expect(new Set(nodes.map((node) => node.current().version.recordId)).size).toBe(1);
    expect(recordsOf('policy.published')).toHaveLength(1);
  });

  it('keeps the active version when it starts with the files of another release', async () => {
    await rig.open();
    const later = await rig.open({ shipped: async () => stricter });
    expect(later.current().version).toMatchObject({ version: 1, hash: hashOfBundle(smallBundle()) });
    expect(recordsOf('policy.published')).toHaveLength(1);
  });

  it('does not start when its first version cannot be recorded', async () => {
    rig.breakLog(true);
    await expect(rig.open()).rejects.toMatchObject({ code: 'log_unavailable' });
    expect((await sql('select 1 from policy_versions')).rowCount).toBe(0);
  });

  it('keeps the versions from before bundles existed, and starts anew after them', async () => {
    await sql(
      `insert into policy_versions (version, hash, published_at, record_id, schema_text, policies)
       values (1, $1, now(), 'rec_old', 'entity A;', $2)`,
      [
        digestOf('old'),
        JSON.stringify([{ id: 'p', effect: 'permit', text: '@id("p") permit (principal, action, resource);' }]),
      ],
    );
    const node = await rig.open();
    expect(node.current().version).toMatchObject({ version: 2, changeRequest: 'release' });
    const [, old] = await node.list();
    expect(old).toMatchObject({ version: 1, policies: [{ id: 'p' }], signature: { algorithm: 'none' } });
    expect(await node.bundle(1)).toMatchObject({ schema: 'entity A;', policies: [{ file: 'policies.cedar' }] });
    // An unsigned version never comes into force again.
    expect(await refusalOf(node.rollBack(about, proposer))).toMatchObject({ code: 'nothing_to_roll_back' });
  });
});

describe('a change of the policies', () => {
  it('is proposed by one person, approved by another, and then in force on every node', async () => {
    const [node, other] = [await rig.open(), await rig.open()];
    const candidate = await propose(node);
    expect(candidate).toMatchObject({
      status: 'proposed',
      hash: hashOfBundle(stricter),
      baseVersion: 1,
      changeRequest: 'CHG-7',
      proposedBy: proposer.id,
      tests: { passed: 3, untested: [] },
      simulation: { decisions: 9, flips: 1, skipped: {} },
    });
    expect(node.current().version.version).toBe(1);
    expect(await other.candidate(candidate.id)).toEqual({ candidate, bundle: stricter });

    const version = await other.approve(candidate.id, candidate.digest, approver);
    expect(version).toMatchObject({
      version: 2,
      hash: candidate.hash,
      changeRequest: 'CHG-7',
      proposedBy: proposer.id,
      approvedBy: approver.id,
    });
    expect(other.current().version).toEqual(version);
    expect((await node.atLeast(2)).version).toEqual(version);
    expect(await node.bundle(2)).toEqual(stricter);
    expect(await node.candidates({ status: 'approved' })).toMatchObject([{ id: candidate.id, decidedBy: approver.id }]);
    const [, , published] = rig.records;
    expect(rig.records.map(({ type }) => type)).toEqual(['policy.published', 'policy.proposed', 'policy.published']);
    expect(published).toMatchObject({
      id: version.recordId,
      subject: approver,
      references: [rig.records[1]?.id],
      data: { change_request: 'CHG-7', proposed_by: proposer.id, approved_by: approver.id, candidate: candidate.id },
    });
  });

  it('ends with its proposer, which is recorded, and cannot be approved then', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    const ending = { by: approver, reason: 'Who proposed this has left.' };
    const now = rig.clock.now();
    expect(await node.endProposalsOf('person:somebody.else', { ...ending, before: now })).toBe(0);
    // A proposal made after the proposer came back is not ended by the earlier departure.
    expect(await node.endProposalsOf(proposer.id, { ...ending, before: now - 60_000 })).toBe(0);
    expect(await node.endProposalsOf(proposer.id, { ...ending, before: now })).toBe(1);
    expect(await node.endProposalsOf(proposer.id, { ...ending, before: now })).toBe(0);
    expect(recordsOf('policy.rejected')).toMatchObject([
      { subject: approver, data: { candidate: id, proposed_by: proposer.id, reason: ending.reason } },
    ]);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_decided' });
    expect(node.current().version.version).toBe(1);
  });

  it.each(['left', 'moved', 'locked', 'revoked', 'right-lost'] as const)(
    'is not put into force once its proposer is gone (%s), and ends at that attempt',
    async (lapse) => {
      const asked: unknown[] = [];
      const node = await rig.open({
        proposerStanding: async (about) => {
          asked.push(about);
          return lapse;
        },
      });
      const { id, digest, proposedAt } = await propose(node);
      expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_proposer_gone' });
      expect(asked).toEqual([
        { proposers: [proposer.id], scope: 'policy:propose', since: new Date(proposedAt).getTime() },
      ]);
      expect(recordsOf('policy.rejected')).toMatchObject([{ data: { candidate: id } }]);
      expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'candidate_proposer_gone', subject: approver }]);
      expect(node.current().version.version).toBe(1);
      expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_decided' });
    },
  );

  it('is not approved by somebody who invited its proposer, or was invited by them', async () => {
    const asked: unknown[] = [];
    const node = await rig.open({
      independence: async (...sides) => {
        asked.push(sides);
        return false;
      },
    });
    const { id, digest } = await propose(node);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_not_independent' });
    expect(asked).toEqual([[[proposer.id], [approver.id]]]);
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'candidate_not_independent', subject: approver }]);
    expect(node.current().version.version).toBe(1);
  });

  it('records the software through which it was proposed, which is checked as well when another person approves', async () => {
    const asked: { readonly proposers: readonly string[] }[] = [];
    const sides: unknown[] = [];
    const node = await rig.open({
      proposerStanding: async (about) => void asked.push(about) as undefined,
      independence: async (...both) => {
        sides.push(both);
        return true;
      },
    });
    const { id, digest } = await propose(node, stricter, ada);
    await node.approve(id, digest, grace);
    // Once before the lock, where it would be ended, and once under it.
    expect(asked.map(({ proposers }) => proposers)).toEqual([
      ['person:ada.first', 'service:cli'],
      ['person:ada.first', 'service:cli'],
    ]);
    expect(sides).toEqual([
      [
        ['person:ada.first', 'service:cli'],
        ['person:grace', 'service:approver'],
      ],
    ]);
    const { institution } = ada;
    expect(recordsOf('policy.proposed')).toMatchObject([
      { subject: { id: 'person:ada.first', institution }, actors: [{ id: 'service:cli' }] },
    ]);
    expect(recordsOf('policy.published').slice(1)).toMatchObject([
      { subject: { id: 'person:grace', institution }, actors: [{ id: 'service:approver' }] },
    ]);
  });

  it.each<readonly [string, Requester]>([
    ['the software that its proposer used', { id: 'service:cli' }],
    ['a person who uses that software', { id: 'person:grace', through: ['service:cli'] }],
    ['software through which its proposer asks now', { id: 'service:approver', through: ['person:ada.first'] }],
  ])('is not approved by %s', async (_, by) => {
    const node = await rig.open();
    const { id, digest } = await propose(node, stricter, ada);
    expect(await refusalOf(node.approve(id, digest, by))).toMatchObject({ code: 'candidate_self_approval' });
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'candidate_self_approval', subject: { id: by.id } }]);
    await node.approve(id, digest, grace);
  });

  it('is not approved once its row omits the software through which it was proposed', async () => {
    const asked: unknown[] = [];
    const node = await rig.open({ proposerStanding: async (about) => void asked.push(about) as undefined });
    const { id, digest } = await propose(node, stricter, ada);
    await sql(`update policy_candidates set through = '{}' where id = $1`, [id]);
    expect(await refusalOf(node.approve(id, digest, grace))).toMatchObject({ code: 'candidate_digest' });
    // Nobody is checked who is not on record.
    expect(asked).toEqual([]);
  });

  it('ends with the software through which it was proposed', async () => {
    const node = await rig.open();
    const { id } = await propose(node, stricter, ada);
    const ending = { by: approver, reason: 'The software has been removed.', before: rig.clock.now() };
    expect(await node.endProposalsOf('service:cli', ending)).toBe(1);
    expect(await node.candidates({ status: 'rejected' })).toMatchObject([{ id }]);
  });

  it('is not approved by its proposer, whatever the digest', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    expect(await refusalOf(node.approve(id, digest, proposer))).toMatchObject({ code: 'candidate_self_approval' });
    expect(node.current().version.version).toBe(1);
    expect(recordsOf('policy.refused')).toMatchObject([
      { outcome: 'deny', reason: 'candidate_self_approval', subject: proposer, data: { candidate: id } },
    ]);
  });

  it('is approved only under the digest of the proposal', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    const [other] = [await propose(node, smallBundle('70.0'))];
    expect(await refusalOf(node.approve(id, other.digest, approver))).toMatchObject({ code: 'candidate_digest' });
    await sql('update policy_candidates set bundle = $2 where id = $1', [id, JSON.stringify(smallBundle('9999.0'))]);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_digest' });
    expect(node.current().version.version).toBe(1);
  });

  const forgedProposals: Readonly<Record<string, string>> = {
    'in the name of somebody else': `proposed_by = 'person:eve', digest = $2`,
    'that has been given longer': `expires_at = expires_at + interval '1 year'`,
    'whose simulation has been prettified': 'flips = 0',
    'whose simulation has skipped something else': `skipped = '{"entity_missing":1}'`,
    'whose untested policies have been left out': `untested = '["too-large"]'`,
    'through somebody who had no part in it': `through = '{service:relay}'`,
    'of another record': `record_id = $2`,
  };
  it.each(Object.entries(forgedProposals))('is not approved %s', async (_, forgery) => {
    const node = await rig.open();
    const { id, digest, changeRequest, reason, simulation } = await propose(node);
    const forged = digestOf({
      v: 1,
      hash: hashOfBundle(stricter),
      tests: digestOf(stricter.tests),
      change_request: changeRequest,
      reason,
      base_version: 1,
      proposed_by: 'person:eve',
      simulation: { id: simulation.id, digest: digestOf({ id: simulation.id }) },
    });
    const [value, approved] = forgery.includes('digest') ? [forged, forged] : [rig.records[0]?.id, digest];
    await sql(`update policy_candidates set ${forgery} where id = $1`, forgery.includes('$2') ? [id, value] : [id]);
    expect(await refusalOf(node.approve(id, approved, approver))).toMatchObject({ code: 'candidate_digest' });
    expect(node.current().version.version).toBe(1);
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'candidate_digest', subject: approver }]);
  });

  it('is possible before any decision was made', async () => {
    const node = await rig.open();
    const simulation = rig.simulated(stricter, 1, { decisions: 0, range: { until: '2026-11-21T00:00:00.000Z' } });
    expect(await node.propose(stricter, { ...about, simulation }, proposer)).toMatchObject({ status: 'proposed' });
  });

  it('shows the record and the approver what its simulation skipped', async () => {
    const node = await rig.open();
    const skipped = { entity_missing: 250_000, input_missing: 1 };
    const simulation = rig.simulated(stricter, 1, { decisions: 1, skipped });
    const { id, digest } = await node.propose(stricter, { ...about, simulation }, proposer);
    expect((await node.candidate(id)).candidate.simulation).toEqual({
      id: simulation,
      decisions: 1,
      flips: 1,
      skipped,
    });
    expect(recordsOf('policy.proposed')).toMatchObject([{ data: { simulation: { decisions: 1, skipped } } }]);
    await sql(`update policy_candidates set skipped = '{}' where id = $1`, [id]);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_digest' });
  });

  it('is never shown as another one than was proposed', async () => {
    const node = await rig.open();
    const { id } = await propose(node);
    const row = 'update policy_candidates set bundle = $2 where id = $1';
    const [{ content } = { content: null }] = stricter.tests;
    for (const shown of [
      smallBundle(),
      { ...stricter, limits: [{ id: 'x' }] },
      { ...stricter, tests: [{ file: 'other.json', content }] },
    ]) {
      await sql(row, [id, JSON.stringify(shown)]);
      expect(await refusalOf(node.candidate(id))).toMatchObject({ code: 'candidate_digest' });
    }
    await sql(row, [id, JSON.stringify(stricter)]);
    expect((await node.candidate(id)).bundle).toEqual(stricter);
    await sql('update policy_candidates set flips = 0 where id = $1', [id]);
    expect(await refusalOf(node.candidate(id))).toMatchObject({ code: 'candidate_digest' });
  });

  it('is decided once', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    const answers = await Promise.allSettled(Array.from({ length: 4 }, () => node.approve(id, digest, approver)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    for (const answer of answers)
      if (answer.status === 'rejected') expect(answer.reason).toMatchObject({ code: 'candidate_decided' });
    expect((await node.list()).map(({ version }) => version)).toEqual([2, 1]);
    expect(await refusalOf(node.reject(id, approver, 'too late'))).toMatchObject({ code: 'candidate_decided' });
  });

  it('is rejected with a reason, which is recorded', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    expect(await node.reject(id, approver, 'Not before the audit')).toMatchObject({
      status: 'rejected',
      decidedBy: approver.id,
    });
    expect(recordsOf('policy.rejected')).toMatchObject([
      { subject: approver, data: { candidate: id, reason: 'Not before the audit' } },
    ]);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_decided' });
  });

  it('expires after a day', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    rig.clock.advance(24 * 3_600_000);
    expect(await node.candidates({ status: 'expired' })).toMatchObject([{ id, status: 'expired' }]);
    expect(await refusalOf(node.approve(id, digest, approver))).toMatchObject({ code: 'candidate_decided' });
  });

  it('takes effect once when several are approved and one is rolled back, on several nodes at once', async () => {
    const nodes = await Promise.all([rig.open(), rig.open(), rig.open()]);
    const [first, second, third] = nodes;
    await publish(first);
    await Promise.all(nodes.map((node) => node.atLeast(2)));
    const [one, other] = [await propose(first, smallBundle('70.0')), await propose(second, smallBundle('60.0'))];
    const outcomes = await Promise.allSettled([
      first.approve(one.id, one.digest, approver),
      second.approve(other.id, other.digest, approver),
      first.approve(other.id, other.digest, approver),
      third.rollBack(about, proposer),
    ]);
    const codes = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason.code] : []));
    for (const code of codes) expect(['candidate_outdated', 'candidate_decided']).toContain(code);
    // The first approval makes the other proposals outdated; a roll-back is possible after each of them.
    const done = outcomes.filter(({ status }) => status === 'fulfilled').length;
    expect(done).toBeGreaterThanOrEqual(1);
    expect(done).toBeLessThanOrEqual(2);
    expect((await first.list()).map(({ version }) => version)).toEqual(
      Array.from({ length: 2 + done }, (_, index) => 2 + done - index),
    );
    const active = await Promise.all(nodes.map((node) => node.atLeast(2 + done)));
    expect(new Set(active.map(({ version }) => version.hash)).size).toBe(1);
    expect(recordsOf('policy.published')).toHaveLength(2 + done);
  });

  it('is outdated when another took effect first', async () => {
    const node = await rig.open();
    const [first, second] = [await propose(node), await propose(node, smallBundle('70.0'))];
    await node.approve(first.id, first.digest, approver);
    expect(await refusalOf(node.approve(second.id, second.digest, approver))).toMatchObject({
      code: 'candidate_outdated',
    });
  });

  it('does not take effect when it cannot be recorded', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    rig.breakLog(true);
    await expect(node.approve(id, digest, approver)).rejects.toMatchObject({ code: 'log_unavailable' });
    rig.breakLog(false);
    expect((await node.list()).map(({ version }) => version)).toEqual([1]);
    expect(await node.approve(id, digest, approver)).toMatchObject({ version: 2 });
  });

  it('can be approved later when its bundle cannot be read now, and nobody waits for that under the lock', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    const letGo = holdLine(16);
    const other = await rig.scratch.pool('policy-engine').connect();
    await other.query('begin');
    await other.query('lock table policy_versions in share row exclusive mode');
    const refusal = await refusalOf(node.approve(id, digest, approver)).finally(async () => {
      await other.query('rollback');
      other.release();
    });
    expect(refusal).toMatchObject({ code: 'bundles_waiting' });
    expect(recordsOf('policy.refused')).toEqual([]);
    await letGo();
    expect(await node.approve(id, digest, approver)).toMatchObject({ version: 2 });
  });

  it('with an unknown id is not found', async () => {
    const node = await rig.open();
    const { id, digest } = await propose(node);
    const other = id.replace(/.$/, (last) => (last === '0' ? '1' : '0')) as typeof id;
    for (const attempt of [() => node.approve(other, digest, approver), () => node.reject(other, approver, 'why')])
      expect(await refusalOf(attempt())).toMatchObject({ code: 'candidate_not_found' });
    expect(await refusalOf(node.candidate(other))).toMatchObject({ code: 'candidate_not_found' });
    expect(await refusalOf(node.bundle(77))).toMatchObject({ code: 'version_not_found' });
  });
});

describe('a proposal is refused, and the refusal recorded,', () => {
  const cases = {
    'when a policy is wrong': {
      bundle: {
        ...stricter,
        policies: [
          { file: 'a.cedar', text: '@id("a") permit (principal, action, resource) when { principal.colour };' },
        ],
      },
      code: 'policy_invalid',
    },
    'when a test of its own fails': { bundle: smallBundle('10.0'), code: 'policy_tests_failed' },
    'when it has no tests': { bundle: { ...stricter, tests: [] }, code: 'policy_tests_failed' },
    'when it is what is active': { bundle: smallBundle(), code: 'policy_unchanged' },
    'when nobody has simulated it': { bundle: stricter, simulate: 'nothing', code: 'policy_not_simulated' },
    'when another bundle was simulated': {
      bundle: stricter,
      simulate: smallBundle('60.0'),
      code: 'policy_not_simulated',
    },
    'when the simulation was against another version': {
      bundle: stricter,
      report: { baseVersion: 7 },
      code: 'policy_not_simulated',
    },
    'when the simulation was of one action alone': {
      bundle: stricter,
      report: { range: { action: 'order:cancel' } },
      code: 'policy_not_simulated',
    },
    'when the simulation was of one desk alone': {
      bundle: stricter,
      report: { range: { desk: 'LEI/rates' } },
      code: 'policy_not_simulated',
    },
    'when the simulation still runs': { bundle: stricter, report: { status: 'running' }, code: 'policy_not_simulated' },
    'when the simulation failed': { bundle: stricter, report: { status: 'failed' }, code: 'policy_not_simulated' },
    'when the simulation kept to a time in which nothing was decided': {
      bundle: stricter,
      report: { decisions: 0, range: { from: '2026-11-20T00:00:00Z', until: '2026-11-21T00:00:00.000Z' } },
      code: 'policy_not_simulated',
    },
    'when the simulation ended before anything was decided': {
      bundle: stricter,
      report: { decisions: 0, range: { until: '2020-01-01T00:00:00.000Z' } },
      code: 'policy_not_simulated',
    },
    'when the simulation judged nothing and skipped all there was': {
      bundle: stricter,
      report: {
        decisions: 0,
        skipped: { entity_missing: 250_000, input_missing: 1 },
        range: { until: '2026-11-21T00:00:00.000Z' },
      },
      code: 'policy_not_simulated',
      detail: 'had to skip all of them (entity_missing 250000, input_missing 1). Choose a period',
    },
    'when the simulation is a day old': {
      bundle: stricter,
      report: { finishedAt: '2026-11-20T00:00:00.000Z' },
      code: 'policy_not_simulated',
    },
  } as const;

  it.each(Object.entries(cases))('%s', async (_, { bundle, code, ...how }) => {
    const node = await rig.open();
    const of = 'simulate' in how && how.simulate !== 'nothing' ? how.simulate : bundle;
    const known = rig.simulated(of, 1, 'report' in how ? how.report : {});
    const simulation =
      'simulate' in how && how.simulate === 'nothing' ? (`${known.slice(0, -1)}_` as typeof known) : known;
    expect(await refusalOf(node.propose(bundle, { ...about, simulation }, proposer))).toMatchObject({
      code,
      detail: expect.stringContaining('detail' in how ? how.detail : ''),
    });
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: code, subject: proposer }]);
    expect(await node.candidates()).toEqual([]);
  });

  it('naming the failing tests', async () => {
    const node = await rig.open();
    const bundle = smallBundle('10.0');
    const error = await refusalOf(node.propose(bundle, { ...about, simulation: rig.simulated(bundle, 1) }, proposer));
    expect(error.facts).toEqual({
      failing: [
        {
          file: 'orders.json',
          name: 'a trader creates an order',
          differences: [
            'decision: expected permit, and it was deny (notional_per_order).',
            'reasons: notional_per_order not expected, and there.',
            'determining: trader-creates-orders expected, and missing.',
            'determining: too-large not expected, and there.',
          ],
        },
        {
          file: 'orders.json',
          name: 'a clerk creates none',
          differences: [
            'reasons: no_policy_permits expected, and missing.',
            'reasons: notional_per_order not expected, and there.',
          ],
        },
      ],
    });
  });

  it('but a change request or a reason that cannot be stored is only malformed', async () => {
    const node = await rig.open();
    for (const wrong of [{ changeRequest: '' }, { changeRequest: 'a b' }, { reason: ' ' }, { reason: 'a\u202eb' }]) {
      const simulation = rig.simulated(stricter, 1);
      expect(await refusalOf(node.propose(stricter, { ...about, ...wrong, simulation }, proposer))).toMatchObject({
        code: 'policy_invalid',
      });
    }
    expect(recordsOf('policy.refused')).toEqual([]);
  });
});

describe('a roll-back', () => {
  it('puts the previously active bundle into force as a new version', async () => {
    const [node, other] = [await rig.open(), await rig.open()];
    await publish(node);
    const version = await node.rollBack({ changeRequest: 'INC-1', reason: 'It stopped the desk' }, proposer);
    expect(version).toMatchObject({
      version: 3,
      hash: hashOfBundle(smallBundle()),
      rolledBackTo: 1,
      changeRequest: 'INC-1',
      proposedBy: proposer.id,
    });
    expect(version.approvedBy).toBeUndefined();
    expect((await other.atLeast(3)).loaded.hash).toBe(hashOfBundle(smallBundle()));
    expect(rig.records.at(-1)).toMatchObject({ type: 'policy.published', data: { version: 3, rolled_back_to: 1 } });
  });

  it('is possible for a day after a publication: later it takes two people, like every change', async () => {
    const node = await rig.open();
    await publish(node);
    rig.clock.advance(24 * 3_600_000 + 1);
    const late = node.rollBack({ changeRequest: 'INC-1', reason: 'It permits too little' }, proposer);
    expect(await refusalOf(late)).toMatchObject({ code: 'roll_back_too_late' });
    expect(recordsOf('policy.refused')).toMatchObject([{ reason: 'roll_back_too_late', subject: proposer }]);
    expect(node.current().version.version).toBe(2);
  });

  it('goes one step and no further', async () => {
    const node = await rig.open();
    expect(await refusalOf(node.rollBack(about, proposer))).toMatchObject({ code: 'nothing_to_roll_back' });
    await publish(node);
    await publish(node, smallBundle('70.0'));
    expect(await node.rollBack(about, proposer)).toMatchObject({ version: 4, rolledBackTo: 2 });
    expect(await refusalOf(node.rollBack(about, proposer))).toMatchObject({ code: 'nothing_to_roll_back' });
    expect(recordsOf('policy.refused')).toHaveLength(2);
    // A proposal from here on is a new step, and can be rolled back again.
    await publish(node, smallBundle('80.0'));
    expect(await node.rollBack(about, proposer)).toMatchObject({ version: 6, rolledBackTo: 4 });
  });

  it('happens once when several request it at the same time', async () => {
    const node = await rig.open();
    await publish(node);
    const answers = await Promise.allSettled(Array.from({ length: 4 }, () => node.rollBack(about, proposer)));
    expect(answers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    expect(node.current().version.version).toBe(3);
  });

  it('blocks nobody while its bundle is read, and goes back from what is in force by then', async () => {
    const node = await rig.open();
    await publish(node);
    const { node: other, watched } = await openWatched();
    const next = await propose(node, smallBundle('70.0'));
    const letGo = holdLine(0, 'urgent');
    const rollingBack = other.rollBack(about, proposer);
    await vi.waitFor(() => expect(watched.verified).toBe(2), 60_000);
    // It is published at once, and in force on this node when the queue moves on.
    const approving = node.approve(next.id, next.digest, approver);
    const published = vi.waitFor(async () => expect(await node.list()).toHaveLength(3), 60_000);
    await Promise.race([published, approving]);
    await letGo();
    await approving;
    expect(await rollingBack).toMatchObject({ version: 4, rolledBackTo: 2, hash: hashOfBundle(stricter) });
    expect(other.current().loaded.hash).toBe(hashOfBundle(stricter));
  });

  it('reads the bundle once for concurrent requests', async () => {
    await publish(await rig.open());
    const { node, watched } = await openWatched();
    // All places but one are taken.
    const letGo = holdLine(15, 'urgent');
    const asking = Promise.allSettled(Array.from({ length: 4 }, () => node.rollBack(about, proposer)));
    await vi.waitFor(() => expect(watched.verified).toBe(8), 60_000);
    await letGo();
    const codes = (await asking).map((answer) => (answer.status === 'rejected' ? answer.reason.code : 'done'));
    expect(codes.sort()).toEqual(['done', ...Array(3).fill('nothing_to_roll_back')]);
  });

  it('does not go further because a row claims that the last change was not a roll-back', async () => {
    const node = await rig.open();
    await publish(node);
    await node.rollBack(about, proposer);
    await sql('update policy_versions set rolled_back_to = null where version = 3');
    expect(await refusalOf(node.rollBack(about, proposer))).toMatchObject({ code: 'bundle_signature' });
    expect((await node.list())[0]).toMatchObject({ version: 3 });
  });

  it('does not put into force what somebody has changed in the database', async () => {
    const node = await rig.open();
    await publish(node);
    await sql('update policy_versions set bundle = $1 where version = 1', [JSON.stringify(smallBundle('9999.0'))]);
    expect(await refusalOf(node.rollBack(about, proposer))).toMatchObject({ code: 'bundle_signature' });
    expect(node.current().version.version).toBe(2);
  });
});

describe('a past version', () => {
  it('is shown with the policies of its bundle, whatever its row says', async () => {
    const node = await rig.open();
    const first = node.current().version;
    await publish(node);
    await sql(`update policy_versions set policies = '[]' where version = 1`);
    expect(await node.version(1)).toEqual(first);
    expect(await node.version(2)).toEqual(node.current().version);
  });

  it('is returned with the bundle that was signed, or not at all', async () => {
    const node = await rig.open();
    await publish(node);
    const raised = JSON.stringify({ ...stricter, limits: [], rates: { 'USD/EUR': '0.01' } });
    await sql('update policy_versions set bundle = $1', [raised]);
    expect(await node.bundle(2)).toEqual(stricter);
    expect(await refusalOf(node.bundle(1))).toMatchObject({ code: 'bundle_signature' });
  });

  it('is not shown when it is not what was signed', async () => {
    const node = await rig.open();
    await publish(node);
    await publish(node, smallBundle('70.0'));
    await sql(`update policy_versions set approved_by = 'person:eve' where version = 2`);
    expect(await refusalOf(node.version(2))).toMatchObject({ code: 'bundle_signature' });
  });
});

describe('a node', () => {
  it('refuses a version that cannot exist', async () => {
    const node = await rig.open({ versionWithinMs: 20 });
    const error = await refusalOf(node.atLeast(2));
    expect(error).toMatchObject({ code: 'policy_behind', category: 'unavailable' });
    expect(policyErrors.codes.policy_behind).toBe('unavailable');
  });

  it('waits for a version that is on its way', async () => {
    const [node, other] = [await rig.open(), await rig.open()];
    const { id, digest } = await propose(node);
    const waiting = other.atLeast(2);
    await node.approve(id, digest, approver);
    expect((await waiting).version.version).toBe(2);
  });

  it('waits no longer than configured', async () => {
    const [node, patient, hasty] = [await rig.open(), await rig.open(), await rig.open({ versionWithinMs: 20 })];
    const { id, digest } = await propose(node);
    const letGo = holdLine(0, 'urgent');
    const waiting = patient.atLeast(2);
    const approving = node.approve(id, digest, approver);
    expect(await refusalOf(hasty.atLeast(2))).toMatchObject({ code: 'policy_behind' });
    await letGo();
    await approving;
    expect((await waiting).version.version).toBe(2);
  });

  it('notifies its listeners of each version it takes', async () => {
    const [node, other] = [await rig.open(), await rig.open()];
    const seen: number[] = [];
    other.onChange(({ version }) => seen.push(version.version));
    await publish(node);
    await node.rollBack(about, proposer);
    await vi.waitFor(() => expect(seen.at(-1)).toBe(3), 60_000);
    expect(seen).toEqual([...seen].sort());
  });

  const forgeries: Readonly<Record<string, string>> = {
    'with another bundle': `update policy_versions set bundle = replace(bundle::text, '500.0', '99999.0')::json where version = 2`,
    'with another bundle and its hash': `update policy_versions set hash = $1, bundle = replace(bundle::text, '500.0', '99999.0')::json where version = 2`,
    'said to be approved by another': `update policy_versions set approved_by = 'person:eve' where version = 2`,
    'with a signature of another version': `update policy_versions set signature = (select signature from policy_versions where version = 1) where version = 2`,
    'without a signature': `update policy_versions set signature = null, bundle = null, change_request = null, proposed_by = null where version = 2`,
    'under an unknown key': `update policy_versions set signature = signature || '{"kid":"other"}', change_request = 'X' where version = 2`,
  };
  it.each(Object.entries(forgeries))('refuses a version %s, and does not start on it', async (_, forgery) => {
    const { logged, logger } = errorLog();
    const [node, other] = [await rig.open(), await rig.open({ pollMs: 60_000, versionWithinMs: 20, logger })];
    await other.stop();
    await publish(node);
    const hash = hashOfBundle(smallBundle('99999.0'));
    await sql(forgery, forgery.includes('$1') ? [hash] : []);
    // The node that was away has version 1 and meets the forgery when it looks.
    await expect(other.atLeast(2)).rejects.toMatchObject({ code: 'policy_behind' });
    await vi.waitFor(() => expect(logged).toEqual(['a version of the policies was refused']), 60_000);
    expect(other.current().version.version).toBe(1);
    await expect(rig.open()).rejects.toMatchObject({ code: 'bundle_signature' });
  });

  it('keeps what is in force when the database is restored to an earlier state', async () => {
    const { logged, logger } = errorLog();
    const node = await rig.open({ versionWithinMs: 20, logger });
    await publish(node);
    await sql('delete from policy_candidates');
    await sql('delete from policy_versions where version = 2');
    await expect(node.atLeast(3)).rejects.toMatchObject({ code: 'policy_behind' });
    await vi.waitFor(() => expect(logged).toContain('the newest policies stored are older than those active'), 60_000);
    expect(node.current().version.version).toBe(2);
  });
});

describe('when the key is lost', () => {
  it('a node that has its signed versions signs them again', async () => {
    const node = await rig.open({ pollMs: 20 });
    const { kid } = node.current().version.signature;
    const successor = await rig.keys.withdraw('policy-bundle', kid);
    await vi.waitFor(() => expect(node.current().version.signature.kid).toBe(successor.kid), 60_000);
    expect((await rig.open()).current().version).toEqual(node.current().version);
  });

  it.each([
    ['the row names another approver by now', () => sql(`update policy_versions set proposed_by = 'person:eve'`)],
    ['the log knows of no such activation', async () => void rig.records.splice(0)],
  ])('nothing is signed again when %s', async (_, tamper) => {
    const { logged, logger } = errorLog();
    const node = await rig.open({ pollMs: 20, logger });
    const { kid } = node.current().version.signature;
    await tamper();
    await rig.keys.withdraw('policy-bundle', kid);
    await vi.waitFor(() => expect(logged).toHaveLength(1), 60_000);
    expect(logged[0]).toContain('could not be signed again');
    expect(node.current().version.signature.kid).toBe(kid);
    const { rows } = await sql(`select signature->>'kid' as kid from policy_versions`);
    expect(rows).toEqual([{ kid }]);
  });

  it('and no node runs, the record of the activation confirms the version, which is signed again', async () => {
    const first = await rig.open();
    await publish(first);
    await first.stop();
    const successor = await rig.keys.withdraw('policy-bundle', first.current().version.signature.kid);
    const [again, other] = [await rig.open(), await rig.open()];
    expect(again.current().version).toMatchObject({ version: 2, signature: { kid: successor.kid } });
    expect(other.current().version).toEqual(again.current().version);
    expect(await other.rollBack(about, proposer)).toMatchObject({ version: 3, rolledBackTo: 1 });
  });

  it('and the log has no such activation, the version is refused', async () => {
    const first = await rig.open();
    await first.stop();
    await rig.keys.withdraw('policy-bundle', first.current().version.signature.kid);
    rig.records.splice(0);
    await expect(rig.open()).rejects.toMatchObject({ code: 'bundle_signature' });
  });

  it('a rotated key still verifies what it signed', async () => {
    const node = await rig.open();
    await rig.keys.rotate('policy-bundle');
    rig.clock.advance(301_000);
    const version = await publish(node);
    expect(version.signature.kid).not.toBe((await node.list())[1]?.signature.kid);
    expect((await rig.open()).current().version).toEqual(version);
    expect(await node.rollBack(about, proposer)).toMatchObject({ rolledBackTo: 1 });
  });
});

it('a bundle that does not fit a record is recorded by the digests of its parts', async () => {
  const long = `// ${'x'.repeat(60_000)}\n`;
  const bundle = {
    ...stricter,
    policies: stricter.policies.map((each, at) => (at === 0 ? { ...each, text: long + each.text } : each)),
  };
  const node = await rig.open();
  const version = await publish(node, bundle);
  const data = rig.records.at(-1)?.data as { parts: { part: string; digest: string; content?: unknown }[] };
  expect(digestOf({ v: 1, parts: data.parts.map(({ part, digest }) => ({ part, digest })) })).toBe(version.hash);
  expect(data.parts.filter(({ content }) => content === undefined).map(({ part }) => part)).toEqual([
    'entitlements.cedar',
  ]);
  expect(Buffer.byteLength(JSON.stringify(data))).toBeLessThan(62_000);
});
