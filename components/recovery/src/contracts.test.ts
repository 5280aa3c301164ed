import type { PrincipalId } from '@countersign/contracts';
import { personOf } from '@countersign/testkit';
import { describeComponent, describeRecoveryDeparture } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { RunningRecovery } from './index.ts';
import {
  anna,
  createRecoveryWorld,
  helpDesk,
  installation,
  lost,
  type RecoveryWorld,
} from './testing/recovery-world.ts';

let world: RecoveryWorld;
let recovery: RunningRecovery;
beforeAll(async () => {
  world = await createRecoveryWorld();
  recovery = world.node();
});
afterAll(() => world.close());

let count = 0;
describeComponent(describeRecoveryDeparture, async () => {
  const open = (person: PrincipalId) => recovery.open({ ...lost, person }, helpDesk);
  return {
    contract: recovery.departureEffect,
    clock: world.clock,
    by: installation,
    async holder() {
      const person = personOf(`leaver.${'x'.repeat(++count)}`, anna.institution, 'trader');
      world.people.set(person.id, person);
      world.keys.enrol(person.id);
      await open(person.id);
      return person.id;
    },
    giveAgain: open,
  };
});
