import { setTimeout as sleep } from 'node:timers/promises';
import { type PolicyBundle, policyErrors, type RecordStream, type SimulationReport } from '@countersign/contracts';
import { digestOf, type Json, type SimulationId } from '@countersign/kernel';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { hashOfBundle } from '../bundle/load-bundle.ts';
import { policyEngineMigrations } from '../migrations.ts';
import { createPast, houseRules, type Past, rulesWith } from '../testing/past-decisions.ts';

const olga = { id: 'person:olga', institution: 'OPER' };
const tighter = rulesWith('1000000.0', '1000.0');
const looser = rulesWith('1000000.0', '5000000.0');

let scratch: Awaited<ReturnType<typeof createTestDatabase>>;
let past: Past;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [policyEngineMigrations] });
});
afterAll(() => scratch.drop());
beforeEach(() => {
  past = createPast(scratch.pool('policy-engine'));
});
afterEach(() => past.history.stop());

async function ended(id: SimulationId): Promise<SimulationReport> {
  for (;;) {
    const report = await past.history.simulation(id);
    if (report.status !== 'running') return report;
    await sleep(10);
  }
}

async function simulated(
  bundle: PolicyBundle,
  range: Parameters<Past['history']['simulate']>[1] = {},
): Promise<SimulationReport> {
  past.clock.advance(1_000);
  return ended((await past.history.simulate(bundle, range, olga)).id);
}

describe('simulating a bundle over recorded decisions', () => {
  it('reports no flips under the rules that decided', async () => {
    for (const notional of ['10.0', '2000000.0']) await past.order({ notional });
    expect(await simulated(houseRules)).toMatchObject({
      status: 'done',
      decisions: 2,
      permitToDeny: 0,
      denyToPermit: 0,
      otherChanges: 0,
      flips: [],
      skipped: {},
      progress: { done: 2, of: 2 },
    });
  });

  it('reports each flip by institution, desk and action, with the policies before and after', async () => {
    const flipped = await past.order({ person: 'person:anna', notional: '2000.0' });
    await past.order({ person: 'person:ben', notional: '20.0' });
    await past.order({ person: 'person:ben', notional: '3000.0', supervisors: 1 });
    await past.order({ person: 'person:carl', notional: '4000.0' });
    await past.order({ person: 'person:carl', action: 'order:cancel' });
    const report = await simulated(tighter);
    expect(report).toMatchObject({
      status: 'done',
      bundleHash: hashOfBundle(tighter),
      baseVersion: 1,
      startedBy: 'person:olga',
      decisions: 5,
      permitToDeny: 2,
      denyToPermit: 0,
      by: {
        institution: [
          { name: 'NORD', decisions: 3, permitToDeny: 1, denyToPermit: 0 },
          { name: 'SUED', decisions: 2, permitToDeny: 1, denyToPermit: 0 },
        ],
        desk: [
          { name: 'NORD/rates', decisions: 3, permitToDeny: 1, denyToPermit: 0 },
          { name: 'SUED/credit', decisions: 2, permitToDeny: 1, denyToPermit: 0 },
        ],
        action: [
          { name: 'order:create', decisions: 4, permitToDeny: 2, denyToPermit: 0 },
          { name: 'order:cancel', decisions: 1, permitToDeny: 0, denyToPermit: 0 },
        ],
      },
    });
    expect(report.flips).toHaveLength(2);
    expect(report.flips[0]).toEqual({
      record: flipped,
      at: '2026-11-21T10:00:00.000Z',
      principal: 'person:anna',
      institution: 'NORD',
      desk: 'NORD/rates',
      action: 'order:create',
      from: 'permit',
      to: 'deny',
      before: ['traders-place-orders'],
      after: ['large-orders'],
    });
  });

  it('lists changed rates, which it does not simulate', async () => {
    await past.order();
    const rates = { 'USD/EUR': '0.9' };
    expect(await simulated({ ...houseRules, rates })).toMatchObject({
      decisions: 1,
      permitToDeny: 0,
      limitChanges: [{ kind: 'rate', id: 'USD/EUR', change: 'added', after: '0.9' }],
    });
    expect((await simulated(houseRules)).limitChanges).toEqual([]);
  });

  it('keeps to a time range, and ends with the records present at its start', async () => {
    for (let hour = 10; hour < 14; hour++) {
      await past.order();
      past.clock.advance(3_600_000);
    }
    const range = { from: '2026-11-21T11:00:00Z', until: '2026-11-21T13:00:00Z' };
    expect(await simulated(tighter, range)).toMatchObject({ decisions: 2 });
    expect(await simulated(tighter, { from: '2026-11-21T12:00:00+01:00' })).toMatchObject({ decisions: 3 });
    past.log.beforePage = async () => {
      past.log.beforePage = async () => undefined;
      past.clock.advance(1_000);
      await past.order();
    };
    const whole = await simulated(tighter);
    expect(whole).toMatchObject({ decisions: 4, progress: { done: 4, of: 4 } });
    // This marks a simulation without a time range.
    expect(whole.range).toEqual({ until: whole.startedAt });
  });

  it('refuses an invalid time, and an end before the start', async () => {
    const none = [
      { from: 'yesterday' },
      { from: '2026-11-21T09:00:00Z', until: '2026-11-21T08:00:00Z' },
      { from: '2026-11-21T09:00:00Z', until: '2026-11-21T09:00:00Z' },
      { from: '2036-11-21T09:00:00Z' },
    ];
    for (const range of none)
      await expect(past.history.simulate(tighter, range, olga)).rejects.toMatchObject({ code: 'evaluation_invalid' });
    expect(await simulated(tighter)).toMatchObject({ status: 'done' });
  });

  it('reads a log of many pages, and loads an entity once for many decisions', async () => {
    for (let order = 0; order < 1_250; order++) await past.order({ notional: `${order * 2}.0` });
    const report = await simulated(tighter);
    expect(report).toMatchObject({ decisions: 1_250, permitToDeny: 749, progress: { done: 1_250, of: 1_250 } });
    expect(report.flips).toHaveLength(749);
    expect(past.loads.map((digests) => digests.length)).toEqual([3]);
  });

  it('survives a name with U+0000, which any caller can send', async () => {
    await past.order({ action: 'order:\u0000' });
    await past.order({ notional: '2000.0' });
    expect(await simulated(tighter)).toMatchObject({
      status: 'done',
      decisions: 2,
      permitToDeny: 1,
      by: { action: [{ name: 'order:create' }, { name: 'order:\u0000', decisions: 1 }] },
    });
  });

  it('reports what it skipped and why', async () => {
    await past.order();
    await past.order({ person: 'person:carl' });
    const unread = await past.order();
    past.alter(unread, (document) => ({ ...document, v: 2 }));
    past.log.erased.add(await past.order({ notional: '2000000.0' }));
    await past.log.append({ id: past.newRecordId(), type: 'token.refused', source: 'test', outcome: 'deny' });
    past.facts.delete(past.factOf('SUED'));
    past.facts.set(past.factOf('NORD/rates'), '{}');
    expect(await simulated(tighter)).toMatchObject({
      status: 'done',
      decisions: 0,
      skipped: { entity_missing: 2, input_missing: 1, input_unreadable: 1 },
      progress: { done: 5, of: 5 },
    });
  });
});

describe('the report of a simulation', () => {
  it('is recorded with its digest before anybody sees it', async () => {
    await past.order({ notional: '2000.0' });
    const { digest, ...report } = await simulated(tighter, { action: 'order:create' });
    expect(digest).toBe(digestOf(report));
    expect(past.log.records.at(-1)).toMatchObject({
      type: 'policy.simulated',
      source: 'policy-engine',
      outcome: 'done',
      subject: olga,
      data: {
        simulation: report.id,
        bundle_hash: hashOfBundle(tighter),
        base_version: 1,
        range: { action: 'order:create', until: report.startedAt },
        decisions: 1,
        permit_to_deny: 1,
        deny_to_permit: 0,
        digest,
      },
    });
  });

  it('is shown only as the log confirms it, whatever the database says', async () => {
    await past.order({ notional: '2000.0' });
    const { id } = await simulated(tighter);
    const other = await simulated(tighter);
    const sql = (text: string, values: unknown[] = []) => scratch.pool('policy-engine').query(text, values);
    const unknown = { code: 'simulation_not_found', detail: expect.stringContaining('contradicts the log') };
    const { digest: _, ...fewer } = { ...other, permitToDeny: 0, flips: [] };
    const forged = { ...fewer, digest: digestOf(fewer) };
    await sql('update policy_simulations set report = $2 where id = $1', [other.id, JSON.stringify(forged)]);
    await expect(past.history.simulation(other.id)).rejects.toMatchObject(unknown);
    await sql(
      `update policy_simulations set report = replace(report::text, '"skipped":{}', '"skipped":{"a":1}')::json`,
    );
    await expect(past.history.simulation(id)).rejects.toMatchObject(unknown);
    await sql('update policy_simulations set report = $2, record_id = null where id = $1', [
      other.id,
      JSON.stringify(other),
    ]);
    await expect(past.history.simulation(other.id)).rejects.toMatchObject(unknown);
  });

  it('is deleted when no proposal based on it can be viewed any more', async () => {
    const { id } = await simulated(tighter);
    past.clock.advance(94 * 24 * 3_600_000);
    await simulated(tighter);
    await expect(past.history.simulation(id)).rejects.toMatchObject({ code: 'simulation_not_found' });
  });

  it('does not exist for a simulation that could not be recorded', async () => {
    await past.order();
    past.log.append = async () => {
      throw policyErrors.error('policy_not_loaded', 'The log cannot be written.');
    };
    expect(await simulated(tighter)).toMatchObject({
      status: 'failed',
      failure: 'An error occurred. Simulate again.',
    });
  });

  it('reports failure when the log cannot be read, and the next one runs', async () => {
    await past.order();
    past.log.beforePage = () => Promise.reject(new Error('the log cannot be read'));
    const report = await simulated(tighter);
    expect(report).toMatchObject({ status: 'failed', failure: 'An error occurred. Simulate again.' });
    expect(report.digest).toBeUndefined();
    past.log.beforePage = async () => undefined;
    expect(await simulated(tighter)).toMatchObject({ status: 'done', decisions: 1 });
  });

  it('reports failure when its log reader is lost midway', async () => {
    for (let order = 0; order < 1_100; order++) await past.order();
    const { stream } = past.log;
    const ends: RecordStream[] = [];
    past.log.stream = async (query) => {
      const opened = await stream.call(past.log, query);
      ends.push(opened);
      return opened;
    };
    let pages = 0;
    past.log.beforePage = async () => {
      if (++pages === 2) for (const opened of ends) await opened.stop();
    };
    expect(await simulated(tighter)).toMatchObject({ status: 'failed', failure: 'An error occurred. Simulate again.' });
    past.log.stream = stream;
    past.log.beforePage = async () => undefined;
    expect(await simulated(tighter)).toMatchObject({ status: 'done', decisions: 1_100 });
  });

  it('is refused for a faulty bundle, with all faults named', async () => {
    const broken = rulesWith('context.acr == "phr"', 'context.acr == 7');
    await expect(past.history.simulate(broken, {}, olga)).rejects.toMatchObject({
      code: 'policy_invalid',
      facts: { problems: [{ policyId: 'traders-place-orders' }] },
    });
  });

  it('is refused for a bundle with unbounded nesting, and the next one runs', async () => {
    let content: Json = 1;
    for (let level = 0; level < 100_000; level++) content = [content];
    const endless = { ...tighter, tests: [{ file: 'a.json', content }] };
    await expect(past.history.simulate(endless, {}, olga)).rejects.toMatchObject({ code: 'policy_invalid' });
    expect(await simulated(tighter)).toMatchObject({ status: 'done' });
  });

  it('is refused while another one runs on the node, and gives its progress', async () => {
    await past.order();
    let goOn = (): void => undefined;
    past.log.beforePage = () => new Promise((resolve) => (goOn = resolve));
    past.clock.advance(1_000);
    const first = await past.history.simulate(tighter, {}, olga);
    expect(first).toMatchObject({ status: 'running', progress: { done: 0, of: 1 } });
    await expect(past.history.simulate(looser, {}, olga)).rejects.toMatchObject({ code: 'simulation_busy' });
    past.log.beforePage = async () => undefined;
    goOn();
    expect(await ended(first.id)).toMatchObject({ status: 'done' });
    expect(await simulated(looser)).toMatchObject({ status: 'done' });
  });

  it('ends with its node, and is distinguished from a running one when the node died silently', async () => {
    await past.order();
    past.log.beforePage = () => new Promise(() => undefined);
    past.clock.advance(1_000);
    const { id } = await past.history.simulate(tighter, {}, olga);
    const elsewhere = createPast(scratch.pool('policy-engine'));
    expect(await elsewhere.history.simulation(id)).toMatchObject({ status: 'running' });
    elsewhere.clock.advance(3_600_000);
    expect(await elsewhere.history.simulation(id)).toMatchObject({
      status: 'failed',
      failure: 'The node that ran it is gone.',
    });
    await past.history.stop();
    expect(await elsewhere.history.simulation(id)).toMatchObject({
      status: 'failed',
      failure: 'The node that ran it was stopped.',
    });
    await expect(past.history.simulate(tighter, {}, olga)).rejects.toMatchObject({ code: 'simulation_busy' });
  });

  it('ends with its node when it was only starting, and the node waits for it', async () => {
    const { count } = past.log;
    let counting = (): void => undefined;
    const isCounting = new Promise<void>((resolve) => (counting = resolve));
    past.log.count = async (stretch) => {
      counting();
      // Long enough for a node that does not wait to have stopped.
      await sleep(300);
      return count(stretch);
    };
    const begun = past.history.simulate(tighter, {}, olga);
    await isCounting;
    const stopping = past.history.stop();
    expect(await Promise.race([begun.then(() => 'begun'), stopping.then(() => 'stopped')])).toBe('begun');
    await stopping;
    expect(await past.history.simulation((await begun).id)).toMatchObject({
      status: 'failed',
      failure: 'The node that ran it was stopped.',
    });
  });

  it('is recorded before its node has stopped, though another one has started meanwhile', async () => {
    const { append } = past.log;
    let goOn = (): void => undefined;
    const resumed = new Promise<void>((resolve) => (goOn = resolve));
    let appending = (): void => undefined;
    const isAppending = new Promise<void>((resolve) => (appending = resolve));
    past.log.append = async (draft) => {
      appending();
      await resumed;
      return append.call(past.log, draft);
    };
    past.clock.advance(1_000);
    const first = await past.history.simulate(tighter, {}, olga);
    await isAppending;
    past.log.beforePage = () => new Promise(() => undefined);
    const second = await past.history.simulate(looser, {}, olga);
    const stopping = past.history.stop();
    expect(await ended(second.id)).toMatchObject({ status: 'failed', failure: 'The node that ran it was stopped.' });
    // Long enough for a node that does not wait to have stopped.
    const waited = sleep(300).then(() => 'waiting');
    expect(await Promise.race([stopping.then(() => 'stopped'), waited])).toBe('waiting');
    goOn();
    await stopping;
    expect(await past.history.simulation(first.id)).toMatchObject({ status: 'done' });
  });

  it('is not found under an unknown id', async () => {
    await expect(past.history.simulation('sim_01k9z3m8q4d6s0v2x5y7a9b1c3' as SimulationId)).rejects.toMatchObject({
      code: 'simulation_not_found',
    });
  });
});
