import { describeComponent, describeConsentStore, describeGrants } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { type ConsentWorld, createConsentWorld } from './testing/consent-world.ts';
import { actor, brokerClerk, stranger } from './testing/firms.ts';
import { byFund, givenChild, givenRoot, permittedUse } from './testing/given-mandates.ts';
import { grantProposal } from './testing/grant-proposal.ts';

let world: ConsentWorld;
beforeAll(async () => {
  world = await createConsentWorld();
});
afterAll(() => world.close());

describeComponent(describeGrants, async () => ({
  contract: world.store.grants,
  clock: world.clock,
  by: actor(brokerClerk),
  proposal: grantProposal(),
  recorded: (type) => world.audit.ofType(type),
}));

describeComponent(describeConsentStore, async () => {
  const mandate = await givenRoot(world.store);
  const { id: child } = await givenChild(world.store, mandate.id);
  const { id: grandchild } = await givenChild(world.store, mandate.id);
  return {
    contract: world.store,
    clock: world.clock,
    mandate,
    below: [child, grandchild],
    permitted: permittedUse(world.clock.now()),
    stranger,
    end: () => world.store.revoke(mandate.id, byFund, 'test'),
  };
});
