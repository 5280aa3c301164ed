import { type PrincipalId, parsePrincipalId } from '@countersign/contracts';
import { describeComponent, describeWorkloadsDeparture } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { ari, createWorkloadWorld, operator, termsWith, type WorkloadWorld } from './testing/workload-world.ts';

let world: WorkloadWorld;
beforeAll(async () => {
  world = await createWorkloadWorld();
});
afterAll(() => world.scratch.drop());

let count = 0;
describeComponent(describeWorkloadsDeparture, async () => {
  const register = (holder: PrincipalId) => world.register(`entry-${holder.slice(8)}`, termsWith({ holder }));
  return {
    contract: world.workloads.departureEffect,
    clock: world.clock,
    by: { id: ari.id, institution: operator },
    async holder() {
      const id = parsePrincipalId(`service:leaver-${++count}`);
      if (id === undefined) throw new Error('not a principal');
      world.principals.set(id, { kind: 'service', institution: operator });
      await register(id);
      return id;
    },
    giveAgain: register,
  };
});
