import type { LimitReading, PolicyBundle } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { findingJson, heldToLimits, type LimitFinding } from '../decision/limit-finding.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, houseRules, type Past, rulesWith } from '../testing/past-decisions.ts';
import { pageOf, streamed } from '../testing/record-stream.ts';
import { createTrial, type TrialFilter } from './trial.ts';

const tighter = rulesWith('1000000.0', '1000.0');
const looser = rulesWith('1000000.0', '5000000.0');
const stamping = rulesWith('@id("cancelling")', '@id("cancelling") @time_stamp("rfc3161")');

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
});
afterAll(() => scratch.drop());
beforeEach(() => {
  past = createPast(scratch.pool('policy-engine'));
});

/** Results over all that was recorded, in pages of this size. */
async function tried(bundle: PolicyBundle, filter: TrialFilter = {}, pageSize = 100) {
  const trial = createTrial(loadBundle(bundle), filter);
  const { records, erased } = past.log;
  for (let start = 0; start < records.length; start += pageSize) {
    const page = records.slice(start, start + pageSize).map((record) => streamed(record, erased.has(record.id)));
    const { digests } = trial.read(pageOf(page));
    trial.judge(
      digests.flatMap((digest): [Digest, string][] => {
        const text = past.facts.get(digest);
        return text === undefined ? [] : [[digest, text]];
      }),
    );
  }
  return trial.counts();
}

describe('simulating a candidate', () => {
  it('counts flips in both directions', async () => {
    await past.order({ notional: '2000000.0' });
    expect(await tried(looser)).toMatchObject({ permitToDeny: 0, denyToPermit: 1 });
  });

  it.each([
    ['another obligation', rulesWith('desk-head 1800', 'desk-head 900'), { notional: '2000000.0' }],
    ['other words', rulesWith('An order', 'Any order'), { notional: '2000000.0' }],
    ['a shorter life of a token', rulesWith('"60"', '"30"'), { action: 'order:cancel' }],
    ['a time stamp', stamping, { action: 'order:cancel' }],
    ['another policy', rulesWith('@id("cancelling")', '@id("cancel")'), { action: 'order:cancel' }],
  ])('counts the same answer with %s as changed otherwise', async (_, bundle, order) => {
    await past.order(order);
    expect(await tried(bundle)).toMatchObject({ permitToDeny: 0, denyToPermit: 0, otherChanges: 1 });
  });

  it('counts a permit that keeps its time stamp as the same, and one that loses it as changed otherwise', async () => {
    past.publish(stamping);
    await past.order({ action: 'order:cancel' });
    expect(await tried(stamping)).toMatchObject({ decisions: 1, otherChanges: 0 });
    expect(await tried(houseRules)).toMatchObject({ permitToDeny: 0, denyToPermit: 0, otherChanges: 1 });
  });

  it('uses the candidate’s reference data with the directory of the time', async () => {
    const ofRegions = {
      ...rulesWith(
        '@id("cancelling")',
        '@id("abroad") forbid (principal, action, resource) unless { principal.institution has region && principal.institution.region in Region::"world" };\n\n@id("cancelling")',
      ),
      schema: houseRules.schema.replace('entity Region;', 'entity Region in [Region];'),
    };
    const europe = (parents: readonly string[]): PolicyBundle => ({
      ...ofRegions,
      entities: [
        { uid: { type: 'Region', id: 'EEA' }, attrs: {}, parents: parents.map((id) => ({ type: 'Region', id })) },
      ],
    });
    await past.order();
    expect(await tried(europe(['world']))).toMatchObject({ decisions: 1, permitToDeny: 0 });
    expect(await tried(europe([]))).toMatchObject({ decisions: 1, permitToDeny: 1 });
  });

  it.each([
    ['an action', { action: 'order:cancel' }, 1],
    ['a person', { principal: 'person:carl' }, 2],
    ['an institution', { institution: 'NORD' }, 2],
    ['a desk', { desk: 'SUED/credit' }, 2],
    ['all of them', { desk: 'SUED/credit', action: 'order:cancel', principal: 'person:carl' }, 1],
    ['nobody', { institution: 'WEST' }, 0],
  ])('is restricted to %s', async (_, range, decisions) => {
    await past.order({ person: 'person:anna' });
    await past.order({ person: 'person:ben' });
    await past.order({ person: 'person:carl' });
    await past.order({ person: 'person:carl', action: 'order:cancel' });
    expect(await tried(tighter, range)).toMatchObject({ decisions });
  });

  it('lists a thousand flips and counts the rest', async () => {
    for (let order = 0; order < 1_010; order++) await past.order({ notional: '2000.0' });
    const report = await tried(tighter);
    expect(report.permitToDeny).toBe(1_010);
    expect(report.flips).toHaveLength(1_000);
  });

  it('lists flips in log order, also when entities had to be loaded', async () => {
    const people = ['person:anna', 'person:carl', 'person:anna', 'person:ben', 'person:anna', 'person:dora'];
    for (const person of people) await past.order({ person, notional: '2000.0', verdict: { decision: true } });
    for (const pageSize of [1, 2, 3, 6]) {
      const { flips } = await tried(tighter, {}, pageSize);
      expect(flips.map(({ principal }) => principal)).toEqual(people);
      expect(flips.map(({ record }) => record)).toEqual(past.log.records.map(({ id }) => id));
    }
  });

  it.each(['decision_timed_out', 'authority_revoked'])(
    'skips what was denied before the policies were evaluated: %s',
    async (code) => {
      const reasons = [{ code, detail: 'Not asked.' }];
      await past.order({ verdict: { decision: false, determining: [], reasons } });
      expect(await tried(looser)).toMatchObject({ decisions: 0, skipped: { never_asked: 1 } });
    },
  );

  it('evaluates what a policy denied, whatever reason that policy gave', async () => {
    const reasons = [{ code: 'decision_timed_out', detail: 'Says a policy.' }];
    await past.order({ notional: '2000000.0', verdict: { determining: ['large-orders'], reasons } });
    expect(await tried(looser)).toMatchObject({ decisions: 1, denyToPermit: 1, skipped: {} });
  });

  it('holds a permit to the recorded limit readings', async () => {
    const reading: LimitReading = {
      limit: 'trader-day',
      key: 'trader=person:anna',
      measure: 'notional',
      window: 'PT86400S',
      unit: 'EUR',
      max: '9',
      used: '8',
      amount: '5',
      headroom: '1',
    };
    const finding: LimitFinding = {
      outcome: 'exceeded',
      readings: [reading],
      exceeded: [reading],
      approvals: [],
      uncountable: [],
    };
    const verdict = heldToLimits(
      { decision: true, determining: [], errors: [], reasons: [], obligations: [] },
      finding,
    );
    const record = await past.order({ verdict });
    past.alter(record, (document) => ({ ...document, limits: findingJson(finding) }));
    expect(await tried(houseRules)).toMatchObject({ decisions: 1, denyToPermit: 0, otherChanges: 0 });
  });
});
