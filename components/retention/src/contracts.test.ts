import { describeComponent, describeProposals } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { Requester } from './dependencies.ts';
import {
  asActor,
  colin,
  createRetentionWorld,
  paula,
  paulasAgent,
  type RetentionWorld,
} from './testing/retention-world.ts';

let world: RetentionWorld;
beforeAll(async () => {
  world = await createRetentionWorld();
});
afterAll(() => world.close());

describeComponent(describeProposals, async () => {
  const propose = async (by: Requester) => {
    const { id } = await world.retention.simulate({ kind: 'pruning', class: 'access' }, by);
    return world.retention.changes.propose(id, 'as the law allows', by);
  };
  return {
    contract: world.retention,
    clock: world.clock,
    by: asActor(colin),
    proposer: paula.id,
    propose: () => propose(paula),
    proposeThrough: () => propose(paulasAgent),
    recorded: (type) => world.log.ofType(type),
  };
});
