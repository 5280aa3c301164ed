import { setTimeout as sleep } from 'node:timers/promises';
import { type LimitReading, limitReadingJson, type PolicyBundle, type SimulationReport } from '@countersign/contracts';
import type { Json, RecordId } from '@countersign/kernel';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { findingJson, heldToLimits, type LimitFinding } from '../decision/limit-finding.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, houseRules, type Past, type PastOrder, rulesWith } from '../testing/past-decisions.ts';
import { pageOf, streamed } from '../testing/record-stream.ts';
import { limitChangesBetween } from './limit-trial.ts';
import { decisionValues, stepValues } from './recorded.ts';
import { createTrial } from './trial.ts';

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
});
afterAll(() => scratch.drop());
beforeEach(() => {
  past = createPast(scratch.pool('policy-engine'));
  past.publish(withLimits([hour, day]));
});
afterEach(() => past.history.stop());

const hour = {
  id: 'hour',
  measure: 'notional',
  per: ['trader'],
  window: { rolling_seconds: 3600 },
  max: '20',
  unit: 'EUR',
  overridable_by: 'supervisor',
};
const day = { ...hour, id: 'day', per: ['desk', 'institution'], window: { rolling_seconds: 86_400 }, max: '100' };

/** The house rules with these limits. */
function withLimits(limits: readonly Json[], from: PolicyBundle = houseRules): PolicyBundle {
  return { ...from, limits, rates: { 'USD/EUR': '1' } };
}

const ofHour: LimitReading = {
  limit: 'hour',
  key: 'trader=person:anna',
  measure: 'notional',
  window: 'PT3600S',
  unit: 'EUR',
  max: '20',
  used: '8',
  amount: '5',
  headroom: '12',
};
const ofDay: LimitReading = {
  ...ofHour,
  limit: 'day',
  key: 'institution=NORD;desk=NORD/rates%3Ba',
  window: 'PT86400S',
  max: '100',
  headroom: '92',
};
const fullHour = { ...ofHour, used: '18', headroom: '2' };
const fullDay = { ...ofDay, used: '99', headroom: '1' };

function finding(readings: readonly LimitReading[], exceeded: readonly LimitReading[] = []): LimitFinding {
  const approvals = exceeded.length === 0 ? [] : [{ role: 'supervisor', count: 1 }];
  return { outcome: exceeded.length === 0 ? 'reserved' : 'exceeded', readings, exceeded, approvals, uncountable: [] };
}

/** An order that was asked about from outside and held to limits. */
async function asked(found: LimitFinding, order: PastOrder = {}): Promise<RecordId> {
  const permit = { decision: true, determining: ['traders-place-orders'], errors: [], reasons: [], obligations: [] };
  const record = await past.order({ ...order, verdict: heldToLimits(permit, found) });
  past.alter(record, (document) => ({ ...document, limits: findingJson(found) }));
  return record;
}

type Found = Pick<
  SimulationReport,
  'decisions' | 'permitToDeny' | 'denyToPermit' | 'otherChanges' | 'flips' | 'limitChanges'
>;

/** Simulates as a node does, in its thread. */
async function simulated(bundle: PolicyBundle): Promise<Found> {
  past.clock.advance(1_000);
  const { id } = await past.history.simulate(bundle, {}, { id: 'person:olga' });
  for (;;) {
    const report = await past.history.simulation(id);
    if (report.status !== 'running') return report;
    await sleep(10);
  }
}

/** The thread's part of the simulation, against the version that all tests use. */
function tried(bundle: PolicyBundle): Found {
  const changes = limitChangesBetween(withLimits([hour, day]), bundle);
  const ids = changes.flatMap(({ id, tried }) => (tried === undefined ? [] : [id]));
  const trial = createTrial(loadBundle(bundle), {}, ids);
  const values = [...decisionValues, ...stepValues];
  const { digests, versions } = trial.read(pageOf(past.log.records.map((record) => streamed(record, false, values))));
  trial.judge(
    digests.map((digest) => [digest, past.facts.get(digest) ?? '']),
    versions.map(({ version, hash }) => [hash, past.published.get(version)?.limits]),
  );
  const found = trial.tried();
  const limitChanges = changes.map((change) =>
    change.tried === undefined ? change : { ...change, tried: found.get(change.id) ?? -1 },
  );
  return { ...trial.counts(), limitChanges };
}

const triedOf = ({ limitChanges }: Found) => limitChanges?.map(({ id, tried }) => [id, tried]);
const answersOf = ({ decisions, permitToDeny, denyToPermit, otherChanges }: Found) => ({
  decisions,
  permitToDeny,
  denyToPermit,
  otherChanges,
});
const none = { permitToDeny: 0, denyToPermit: 0, otherChanges: 0 };

describe('simulating a lower limit', () => {
  it('denies orders that would have exceeded it, and names itself', async () => {
    const record = await asked(finding([ofHour, ofDay]));
    await asked(finding([{ ...ofHour, used: '7' }, ofDay]));
    await past.order();
    const report = await simulated(
      withLimits([
        { ...hour, max: '12' },
        { ...day, unit: 'USD' },
      ]),
    );
    expect(answersOf(report)).toEqual({ ...none, decisions: 3, permitToDeny: 1 });
    expect(report.flips).toMatchObject([
      {
        record,
        from: 'permit',
        to: 'deny',
        before: ['traders-place-orders'],
        after: [],
        limits: { before: [], after: ['hour'] },
      },
    ]);
    expect(triedOf(report)).toEqual([
      ['day', undefined],
      ['hour', 2],
    ]);
    const recorded = past.log.records.at(-1)?.data;
    expect(recorded).toMatchObject({ permit_to_deny: 1, limit_changes: 2, limit_changes_not_tried: 1 });
  });

  it('still permits orders approved in the role that may exceed it', async () => {
    const low = { ...hour, max: '12' };
    await asked(finding([ofHour]), { supervisors: 1 });
    expect(answersOf(tried(withLimits([low, day])))).toEqual({ ...none, decisions: 1 });
    expect(tried(withLimits([{ ...low, overridable_by: 'risk' }, day]))).toMatchObject({ permitToDeny: 1 });
    const { overridable_by: _, ...nobodyPasses } = low;
    expect(tried(withLimits([nobodyPasses, day]))).toMatchObject({ permitToDeny: 1 });
  });

  it('no longer permits orders with an approval that it has stopped accepting', async () => {
    await asked(finding([{ ...fullHour, overriddenBy: 'supervisor' }]));
    expect(answersOf(tried(withLimits([{ ...hour, max: '19' }, day])))).toEqual({ ...none, decisions: 1 });
    expect(tried(withLimits([{ ...hour, overridable_by: 'risk' }, day]))).toMatchObject({ permitToDeny: 1 });
  });

  it('has no effect on orders that the policies deny', async () => {
    await asked(finding([ofHour]), { notional: '2000.0' });
    const tighter = rulesWith('1000000.0', '1000.0');
    const { flips } = tried(withLimits([{ ...hour, max: '12' }, day], tighter));
    expect(flips).toMatchObject([{ to: 'deny', after: ['large-orders'] }]);
    expect(flips[0]).not.toHaveProperty('limits');
  });
});

describe('simulating a higher limit', () => {
  it('permits what was denied for this limit alone, and does not claim so of others', async () => {
    const record = await asked(finding([fullHour, ofDay], [fullHour]));
    await asked(finding([fullHour, fullDay], [fullHour, fullDay]));
    await asked(finding([ofHour, fullDay], [fullDay]));
    const report = tried(withLimits([{ ...hour, max: '23' }, day]));
    expect(answersOf(report)).toEqual({ ...none, decisions: 3, denyToPermit: 1, otherChanges: 1 });
    expect(report.flips).toMatchObject([
      { record, from: 'deny', to: 'permit', before: [], limits: { before: ['hour'], after: [] } },
    ]);
    expect(triedOf(report)).toEqual([['hour', 3]]);
  });

  it('that is still too low denies the order with another text', async () => {
    await asked(finding([fullHour], [fullHour]));
    expect(answersOf(tried(withLimits([{ ...hour, max: '22' }, day])))).toEqual({
      ...none,
      decisions: 1,
      otherChanges: 1,
    });
  });

  it('counts a deny that another role would lift as changed otherwise, and an unchanged one as the same', async () => {
    await asked(finding([fullHour], [fullHour]));
    const described = { ...hour, detail: 'What one trader places.' };
    expect(answersOf(tried(withLimits([described, day])))).toEqual({ ...none, decisions: 1 });
    expect(answersOf(tried(withLimits([{ ...hour, overridable_by: 'risk' }, day])))).toEqual({
      ...none,
      decisions: 1,
      otherChanges: 1,
    });
  });
});

it('a removed limit no longer denies', async () => {
  await asked(finding([fullHour, ofDay], [fullHour]));
  const report = tried(withLimits([day]));
  expect(answersOf(report)).toEqual({ ...none, decisions: 1, denyToPermit: 1 });
  expect(triedOf(report)).toEqual([['hour', 1]]);
});

describe('not simulated', () => {
  it.each([
    ['another window', { window: { rolling_seconds: 7200 } }],
    ['one order alone', { window: 'order' }],
    ['another unit', { unit: 'USD' }],
    ['another measure', { measure: 'quantity', unit: 'unit' }],
    ['another key', { per: ['desk'] }],
    ['a limit for others', { only: { agents: true } }],
    ['a new limit', { id: 'new' }],
  ])('%s: decisions use the recorded reading', async (_, change) => {
    await asked(finding([ofHour, ofDay]));
    const changed = { ...hour, max: '1', ...change };
    const report = tried(withLimits('id' in change ? [hour, day, changed] : [changed, day]));
    expect(answersOf(report)).toEqual({ ...none, decisions: 1 });
    expect(triedOf(report)).toEqual([[changed.id, undefined]]);
  });

  it('a rate: amounts keep their recorded value, also when the limit is lowered', async () => {
    await asked(finding([ofHour]));
    const report = tried({ ...withLimits([{ ...hour, max: '13' }, day]), rates: { 'USD/EUR': '1000' } });
    expect(answersOf(report)).toEqual({ ...none, decisions: 1 });
    expect(triedOf(report)).toEqual([
      ['hour', 1],
      ['USD/EUR', undefined],
    ]);
  });

  it.each<[string, Partial<LimitReading>]>([
    ['of a mandate', { key: 'mandate:mnd_1', window: '2026-11-21' }],
    ['that a reservation had from an earlier version', { max: '30' }],
    ['over another time', { window: 'PT60S' }],
    ['of another key', { key: 'desk=NORD/rates' }],
    ['whose amounts cannot be told', { used: '1e3' }],
  ])('a reading %s', async (_, other) => {
    await asked(finding([{ ...ofHour, ...other }]));
    const report = tried(withLimits([{ ...hour, max: '1' }, day]));
    expect(answersOf(report)).toEqual({ ...none, decisions: 1 });
    expect(triedOf(report)).toEqual([['hour', 0]]);
  });

  it('an order that could not be counted', async () => {
    const uncountable = [{ code: 'limit_currency', detail: 'There is no rate.' }];
    await asked({ ...finding([]), outcome: 'uncountable', uncountable });
    expect(answersOf(tried(withLimits([day])))).toEqual({ ...none, decisions: 1 });
  });
});

describe('a decision of an earlier version', () => {
  const low = [{ ...hour, max: '12' }, day];

  it('is held to the limit when it counted the same then', async () => {
    past.publish(withLimits([{ ...hour, max: '30' }, day]));
    await asked(finding([{ ...ofHour, max: '30' }]));
    past.publish(withLimits([hour, day]));
    await asked(finding([ofHour]));
    const report = await simulated(withLimits(low));
    expect(answersOf(report)).toEqual({ ...none, decisions: 2, permitToDeny: 2 });
    expect(triedOf(report)).toEqual([['hour', 2]]);
  });

  it('is not held to it when the limit applied to others then', async () => {
    past.publish(withLimits([{ ...hour, only: { trader: ['person:anna'] } }, day]));
    await asked(finding([ofHour]));
    past.publish(withLimits([hour, day]));
    const report = await simulated(withLimits(low));
    expect(answersOf(report)).toEqual({ ...none, decisions: 1 });
    expect(triedOf(report)).toEqual([['hour', 0]]);
  });

  it.each<[string, () => unknown]>([
    ['is not kept any more', () => past.published.delete(2)],
    ['is not the one that decided', () => past.published.set(2, withLimits([{ ...hour, detail: 'Other.' }, day]))],
  ])('is not simulated when its version %s', async (_, lose) => {
    await asked(finding([ofHour]));
    past.publish(withLimits([hour, day], rulesWith('@id("cancelling")', '@id("cancels")')));
    lose();
    const report = await simulated(withLimits(low, rulesWith('@id("cancelling")', '@id("cancels")')));
    expect(answersOf(report)).toEqual({ ...none, decisions: 1 });
    expect(triedOf(report)).toEqual([['hour', 0]]);
  });
});

describe('a step of a transaction', () => {
  const taken = async (reading: LimitReading, order: PastOrder = {}) => {
    const record = await past.order({ ...order, type: 'transaction.transitioned' });
    past.putBeside(record, { event: 'submit', limits: [limitReadingJson(reading)] });
    return record;
  };
  const refused = async (readings: readonly LimitReading[], order: PastOrder = {}) => {
    const record = await past.order({ ...order, type: 'transaction.refused' });
    const facts = { headroom: '1', limit: 'hour', readings: readings.map(limitReadingJson), unit: 'EUR' };
    past.putBeside(record, { event: 'submit', facts });
    return record;
  };

  it('that was taken is one that a lower limit would have stopped', async () => {
    const record = await taken(ofHour);
    await taken({ ...ofHour, used: '1' });
    const report = await simulated(withLimits([{ ...hour, max: '12' }, day]));
    expect(answersOf(report)).toEqual({ ...none, decisions: 2, permitToDeny: 1 });
    expect(report.flips).toMatchObject([{ record, to: 'deny', limits: { before: [], after: ['hour'] } }]);
    expect(triedOf(report)).toEqual([['hour', 2]]);
  });

  it('that was refused for a limit is one that a higher limit would have permitted', async () => {
    const record = await refused([fullHour, ofDay]);
    await refused([fullHour, fullDay]);
    await refused([ofHour, { ...fullDay, limit: 'mandate_notional_per_day', key: 'mandate:mnd_1' }]);
    const report = tried(withLimits([{ ...hour, max: '40' }, day]));
    expect(answersOf(report)).toEqual({ ...none, decisions: 3, denyToPermit: 1 });
    expect(report.flips).toMatchObject([
      { record, from: 'deny', before: [], after: ['traders-place-orders'], limits: { before: ['hour'], after: [] } },
    ]);
  });

  it('that the policies would deny flips for them, whatever its limit readings', async () => {
    await taken({ ...ofHour, used: '1' }, { notional: '2000.0' });
    await refused([fullHour], { notional: '2000.0' });
    const tighter = rulesWith('1000000.0', '1000.0');
    expect(answersOf(tried(withLimits([hour, day], tighter)))).toEqual({ ...none, decisions: 2, permitToDeny: 2 });
    const changed = tried(withLimits([{ ...hour, max: '19' }, day], tighter));
    expect(answersOf(changed)).toEqual({ ...none, decisions: 2, permitToDeny: 2 });
    expect(changed.flips.map(({ limits }) => limits)).toEqual([undefined, undefined]);
  });

  it('that was refused for another reason is not held to limits', async () => {
    const record = await past.order({ type: 'transaction.refused' });
    past.putBeside(record, { event: 'submit', facts: { wanted: 1 } });
    expect(answersOf(tried(withLimits([{ ...hour, max: '1' }, day])))).toEqual({ ...none, decisions: 1 });
  });
});
