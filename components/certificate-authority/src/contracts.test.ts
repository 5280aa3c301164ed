import { type PrincipalId, parsePrincipalId, type Requester } from '@countersign/contracts';
import {
  describeAuthorityProposals,
  describeCertificatesDeparture,
  describeComponent,
  describeEnrolmentsDeparture,
} from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import type { RunningCertificateAuthority } from './index.ts';
import { type AuthorityWorld, ari, createAuthorityWorld, olga, operator } from './testing/authority-world.ts';

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload');
});
afterAll(() => world.close());

const by = { id: ari.id, institution: operator };

describeComponent(describeAuthorityProposals, async () => {
  const propose = (who: Requester) =>
    ca.proposeTerms('device', { enabled: true, lifetimeSeconds: 3_600, dnsNames: [] }, 'shorter', who);
  return {
    contract: ca,
    clock: world.clock,
    by,
    proposer: olga.id,
    rejection: 'pki.rejected',
    propose: () => propose(olga),
    proposeThrough: () => propose({ id: 'service:console', institution: operator, through: [olga.id] }),
    recorded: (type) => world.records(type),
  };
});

let count = 0;
describeComponent(describeCertificatesDeparture, async () => ({
  contract: ca.departureEffect,
  clock: world.clock,
  by,
  async holder() {
    const id = newLeaver();
    await world.issue(ca, 'risk-service', id);
    return id;
  },
  giveAgain: (principal: PrincipalId) => world.issue(ca, 'risk-service', principal),
}));

describeComponent(describeEnrolmentsDeparture, async () => {
  const enrol = (of: PrincipalId) => ca.enrolments.make({ profile: 'risk-service', holder: of, dnsNames: [] }, olga);
  return {
    contract: ca.enrolments.departureEffect,
    clock: world.clock,
    by,
    async holder() {
      const id = newLeaver();
      await enrol(id);
      return id;
    },
    giveAgain: enrol,
  };
});

function newLeaver(): PrincipalId {
  const id = parsePrincipalId(`service:leaver-${++count}`);
  if (id === undefined) throw new Error('not a principal');
  world.principals.set(id, { kind: 'service', institution: operator });
  return id;
}
