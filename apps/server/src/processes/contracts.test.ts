import { authorizationServerMigrations } from '@countersign/authorization-server';
import { certificateAuthorityMigrations } from '@countersign/certificate-authority';
import { consentStoreMigrations } from '@countersign/consent-store';
import type { Requester } from '@countersign/contracts';
import { eventPublisherMigrations } from '@countersign/event-publisher';
import { systemRandom } from '@countersign/kernel';
import { createLogger, type Keyring, type ScratchDatabase } from '@countersign/runtime';
import {
  asCaller,
  createMemoryLog,
  createOpenGuard,
  createTestDatabase,
  fixedClock,
  leiOf,
  personOf,
} from '@countersign/testkit';
import {
  describeAccess,
  describeCertificateAuthorityKeys,
  describeComponent,
  describeCoreKeys,
  describeEgressKeys,
  describeEvidenceKeys,
} from '@countersign/testkit/conformance';
import { timeStampingMigrations } from '@countersign/time-stamping';
import { afterAll, beforeAll } from 'vitest';
import { createHarness, start } from '../../../../components/authorization-server/src/testing/harness.ts';
import { ourDecisions } from '../../../../components/authorization-server/src/testing/trading-world.ts';
import { listerOf } from '../keys/index.ts';
import { createKeyRecords } from '../keys/key-records.ts';
import {
  type CertificateKeyPurpose,
  type ComponentKeyPurpose,
  openCertificateKeys,
  openComponentKeys,
  type RotatedKeyringDependencies,
} from '../keys/keys.ts';
import { accessBy } from './remotes.ts';

const institution = leiOf('529900OPERATOR');
let database: ScratchDatabase;
beforeAll(async () => {
  database = await createTestDatabase({
    components: [
      ...[authorizationServerMigrations, consentStoreMigrations],
      ...[timeStampingMigrations, eventPublisherMigrations, certificateAuthorityMigrations],
    ],
  });
});
afterAll(() => database.drop());

/** The keys of one component, stored beside its data. */
async function keysOf<Purpose extends ComponentKeyPurpose | CertificateKeyPurpose>(
  purpose: Purpose,
  component: string,
  open: (dependencies: RotatedKeyringDependencies) => Promise<Keyring<Purpose>>,
) {
  const clock = fixedClock(start);
  const from = { clock, random: systemRandom };
  const by: Requester = { id: 'service:countersign', institution, through: [] };
  const records = createKeyRecords({ ...from, audit: createMemoryLog(clock, { anyReferences: true }) });
  const pool = database.pool(component);
  await pool.query('delete from signing_keys');
  const keyring = await open({
    ...{ ...from, pool, records, by, rotateEveryDays: 90, sealingKey: { bytes: systemRandom.bytes(32) } },
    logger: createLogger({ level: 'silent', name: 'test' }),
  });
  return {
    contract: listerOf({ [purpose]: keyring }),
    purpose,
    async rotate() {
      const { kid } = await keyring.rotate(purpose, (successor) => records.published(successor, by));
      return kid;
    },
    async withdraw() {
      const { kid } = await keyring.current(purpose);
      await keyring.withdraw(purpose, kid, (withdrawn, successor) => records.withdrawn(withdrawn, successor, by));
      return kid;
    },
    close: () => keyring.stop(),
  };
}

const ofComponent = <Purpose extends ComponentKeyPurpose>(purpose: Purpose, component: string) =>
  keysOf(purpose, component, (dependencies) => openComponentKeys(purpose, dependencies));

describeComponent(describeCoreKeys, () => ofComponent('mandate', 'consent-store'));
describeComponent(describeEvidenceKeys, () => ofComponent('time-stamp', 'time-stamping'));
describeComponent(describeEgressKeys, () => ofComponent('event', 'event-publisher'));
describeComponent(describeCertificateAuthorityKeys, async () => {
  const made = await keysOf<CertificateKeyPurpose>(
    'certificate-workload',
    'certificate-authority',
    openCertificateKeys,
  );
  // The first key is created with the first signature.
  await made.withdraw();
  return made;
});

const scope = 'decision:evaluate';

describeComponent(describeAccess, async () => {
  const harness = createHarness({ pool: database.pool('authorization-server') });
  const { access_token: token } = await harness.server.token(
    harness.clientCredentials({ scope, resource: ourDecisions }),
  );
  return {
    contract: accessBy((resource) => harness.server.guard(resource)),
    ...{ resource: ourDecisions, scope, subject: 'agent:vwap-1' },
    request: () => harness.resourceRequest(token, 'vwap-engine', `${ourDecisions}/evaluation`),
    revoke: () =>
      harness.server.revoke({ kind: 'client', id: 'vwap-engine' }, { id: 'person:olivia.ops', institution }, 'A test'),
    close: () => harness.server.stop(),
  };
});

describeAccess('createOpenGuard', async () => {
  const guard = createOpenGuard();
  const person = personOf('anna.keller', institution);
  return {
    contract: accessBy(() => guard),
    ...{ resource: ourDecisions, scope, subject: person.id, believes: true },
    request: () => ({
      ...{ method: 'GET', url: ourDecisions, dpop: [] },
      authorization: [asCaller(person, [scope]).authorization],
    }),
    revoke: async () => guard.end(person.id),
  };
});
