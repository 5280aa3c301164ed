import type { DeclaredDetailType } from '@countersign/contracts';
import { createLogger } from '@countersign/runtime';
import { codeOf } from '@countersign/testkit';
import { describeDetailTypes } from '@countersign/testkit/conformance';
import { expect, it } from 'vitest';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { createDetailTypesReplica, type DetailTypesReplicaDependencies } from '../index.ts';
import { createEngineRig } from '../testing/engine-rig.ts';
import { type ApplicationWorld, createApplicationWorld, institution } from './testing/application-world.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const proposer = { id: 'person:proposer', institution };
const approver = { id: 'person:approver', institution };

/** Through the normal change process: simulated, proposed, approved by somebody else. */
async function activate({ engine, folder }: ApplicationWorld, authorizationDetails: readonly DeclaredDetailType[]) {
  const bundle = await readBundleFolder(folder);
  const candidate = {
    ...bundle,
    applications: (bundle.applications ?? []).map((model) => ({ ...model, authorizationDetails })),
  };
  let report = await engine.history.simulate(candidate, {}, proposer);
  while (report.status === 'running') {
    await new Promise((resolve) => setTimeout(resolve, 50));
    report = await engine.history.simulation(report.id);
  }
  const about = { changeRequest: 'CHG-9', reason: 'lists', simulation: report.id };
  const { id, digest } = await engine.versions.propose(candidate, about, proposer);
  await engine.versions.approve(id, digest, approver);
}

for (const who of ['the policy engine', 'a replica'] as const)
  describeDetailTypes(who, async () => {
    const world = await createApplicationWorld();
    const replica =
      who === 'a replica'
        ? await createDetailTypesReplica({
            source: {
              declaredDetailTypes: async (asked) => structuredClone(await world.engine.declaredDetailTypes(asked)),
            },
            logger,
            everyMs: 50,
          })
        : undefined;
    return {
      reader: replica ?? world.engine,
      activate: (declared) => activate(world, declared),
      async close() {
        await replica?.stop();
        await world.close();
      },
    };
  });

it('a replica of the declared types refuses once the policy engine has been unreachable for some seconds', async () => {
  const rig = await createEngineRig();
  try {
    const engine = await rig.start();
    let isGone = false;
    const source: DetailTypesReplicaDependencies['source'] = {
      async declaredDetailTypes(asked) {
        if (isGone) throw new Error('the connection was refused');
        return engine.declaredDetailTypes(asked);
      },
    };
    const replica = await createDetailTypesReplica({ source, logger, everyMs: 20, maxAgeMs: 200 });
    const codeNow = () => codeOf(Promise.resolve().then(() => replica.detailTypes()));
    expect(await codeNow()).toBe('nothing was refused');
    isGone = true;
    await expect.poll(codeNow).toBe('policy_behind');
    isGone = false;
    await expect.poll(codeNow).toBe('nothing was refused');
    await replica.stop();
  } finally {
    await rig.close();
  }
});
