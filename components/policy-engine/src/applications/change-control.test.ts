import type { Actor, ApplicationModel, PolicyBundle, SimulationReport } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { type ApplicationWorld, createApplicationWorld } from './testing/application-world.ts';

const proposer: Actor = { id: 'person:proposer', institution: '5493000ARRANGERDEM94' };
const approver: Actor = { id: 'person:approver', institution: '5493000ARRANGERDEM94' };
const about = { changeRequest: 'CHG-9', reason: 'Alice only reads' };

let world: ApplicationWorld;
let bundle: PolicyBundle;
let model: ApplicationModel;
beforeAll(async () => {
  world = await createApplicationWorld();
  bundle = await readBundleFolder(world.folder);
  const [only] = bundle.applications ?? [];
  if (only === undefined) throw new Error('the folder has no model');
  model = only;
});
afterAll(() => world.close());

const writing = {
  subject: { type: 'user', id: 'alice' },
  action: { name: 'write' },
  resource: { type: 'record', id: 'record-1' },
};
const decided = async (asked: object = writing) => (await world.ask('evaluation', asked)).body.decision;
const withModel = (change: Partial<ApplicationModel>): PolicyBundle => ({
  ...bundle,
  applications: [{ ...model, ...change }],
});

async function simulated(candidate: PolicyBundle): Promise<SimulationReport> {
  const { history } = world.engine;
  let report = await history.simulate(candidate, {}, proposer);
  while (report.status === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 50));
    report = await history.simulation(report.id);
  }
  return report;
}

async function propose(candidate: PolicyBundle) {
  const { id: simulation } = await simulated(candidate);
  return world.engine.versions.propose(candidate, { ...about, simulation }, proposer);
}

describe('a change of an application model', () => {
  it('is simulated over its own decisions, needs two people, and can be rolled back like any other change', async () => {
    expect(await decided()).toBe(true);
    const policies = model.policies.map(({ file, text }) => ({
      file,
      text: text.replace('permit (principal == Interop::User::"alice"', 'permit (principal == Interop::User::"nobody"'),
    }));
    const stricter = withModel({ policies });
    const report = await simulated(stricter);
    expect(report).toMatchObject({ status: 'done', permitToDeny: 1, denyToPermit: 0, skipped: {} });
    expect(report.flips).toMatchObject([{ action: 'write', before: ['alice-writes'] }]);

    const { versions } = world.engine;
    const { id, digest } = await propose(stricter);
    expect(await decided()).toBe(true);
    await expect(versions.approve(id, digest, proposer)).rejects.toMatchObject({ code: 'candidate_self_approval' });
    expect(await versions.approve(id, digest, approver)).toMatchObject({ version: 2 });
    await expect.poll(() => decided()).toBe(false);
    await versions.rollBack(about, approver);
    await expect.poll(() => decided()).toBe(true);
  });

  it('that removes the model denies its decisions, in the simulation and afterwards', async () => {
    const { applications: _, ...market } = bundle;
    expect((await simulated(market)).permitToDeny).toBeGreaterThan(0);
    const { id, digest } = await propose(market);
    await world.engine.versions.approve(id, digest, approver);
    await expect.poll(() => decided()).toBe(false);
    expect(await world.entity('GET', 'Interop/entities')).toMatchObject({ status: 404 });
    await world.engine.versions.rollBack(about, approver);
    await expect.poll(() => decided()).toBe(true);
  });

  it('can also change who may ask', async () => {
    const { id, digest } = await propose(withModel({ clients: { ask: ['another'], write: [] } }));
    await world.engine.versions.approve(id, digest, approver);
    await expect.poll(() => decided()).toBe(false);
    expect((await world.ask('evaluation', writing, 'another')).body.decision).toBe(true);
    await world.engine.versions.rollBack(about, approver);
    await expect.poll(() => decided()).toBe(true);
  });
});

describe('a proposal is refused, and the refusal recorded,', () => {
  it('when a model has no tests', async () => {
    await expect(propose(withModel({ tests: [], entities: model.entities.slice(1) }))).rejects.toMatchObject({
      code: 'policy_tests_failed',
    });
    expect(world.rig.records.at(-1)).toMatchObject({ type: 'policy.refused', reason: 'policy_tests_failed' });
  });

  it('when its rules use a schema other than the market’s', async () => {
    const foreign = await readBundleFolder(new URL('../authzen/testing/interop-policies/', import.meta.url));
    await expect(propose(foreign)).rejects.toMatchObject({ code: 'policy_invalid' });
    expect(world.rig.records.at(-1)).toMatchObject({ type: 'policy.refused', reason: 'policy_invalid' });
  });
});
