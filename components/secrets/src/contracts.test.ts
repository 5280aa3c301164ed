import { type PrincipalId, parsePrincipalId, type Requester } from '@countersign/contracts';
import { describeComponent, describeLeasesDeparture, describeSecretProposals } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { RunningSecrets } from './index.ts';
import { ari, createSecretsWorld, olga, operator, type SecretsWorld } from './testing/secrets-world.ts';

let world: SecretsWorld;
let secrets: RunningSecrets;
beforeAll(async () => {
  world = await createSecretsWorld();
  secrets = world.node();
});
afterAll(() => world.close());

const by = { id: ari.id, institution: operator };

describeComponent(describeSecretProposals, async () => {
  const propose = (who: Requester) => secrets.propose(world.roleFor(['service:bot']), 'needed', who);
  return {
    contract: secrets,
    clock: world.clock,
    by,
    proposer: olga.id,
    rejection: 'secrets.rejected',
    propose: () => propose(olga),
    proposeThrough: () => propose({ id: 'service:console', institution: operator, through: [olga.id] }),
    recorded: (type) => world.records(type),
  };
});

let count = 0;
const roles = new Map<PrincipalId, string>();
const lease = (principal: PrincipalId) => secrets.issue(roles.get(principal) ?? '', world.caller(principal));
describeComponent(describeLeasesDeparture, async () => ({
  contract: secrets.departureEffect,
  clock: world.clock,
  by,
  async holder() {
    const id = parsePrincipalId(`service:leaver-${++count}`);
    if (id === undefined) throw new Error('not a principal');
    const { name } = await world.define(secrets, world.roleFor([id]));
    roles.set(id, name);
    await lease(id);
    return id;
  },
  giveAgain: lease,
}));
