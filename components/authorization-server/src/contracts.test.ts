import type { DirectorySnapshot, Mandate } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createTestDatabase,
  everybodyIndependent,
  fixedClock,
  leiOf,
  testRowSeal,
} from '@countersign/testkit';
import { describeComponent, describeRevoking } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { authorizationServerMigrations } from './migrations.ts';
import { type AdministeredRevocations, createRevocations } from './revocations/revocations.ts';
import { memoryGrantRegister } from './testing/neighbours.ts';
import { revocable } from './testing/revocable.ts';

const clock = fixedClock(Date.parse('2026-11-23T10:00:00Z'));
const from = { clock, random: systemRandom };
const log = createMemoryLog(clock, { checked: ['authorization-server'] });

let database: ScratchDatabase;
let revocations: AdministeredRevocations;
beforeAll(async () => {
  database = await createTestDatabase({ components: [authorizationServerMigrations] });
  revocations = await createRevocations({
    ...{ ...from, log, issuer: 'https://as.example', rowSeal: testRowSeal, signer: createMemorySigner() },
    pool: database.pool('authorization-server'),
    grants: memoryGrantRegister({ ...from, audit: log }),
    consentStore: {
      withDescendants: async (id) => [id],
      find: async (id) => ({ id }) as unknown as Mandate,
    },
    // The only part of the directory that is used.
    directory: {
      snapshotAtLeast: async () =>
        ({
          institution: () => ({ leiStatus: 'ISSUED' }),
          client: (id: string) => ({ id }),
          knownPrincipal: (id: string) => ({ id }),
          principals: () => [],
        }) as unknown as DirectorySnapshot,
    },
    independence: everybodyIndependent,
    logger: createLogger({ level: 'silent', name: 'test' }),
  });
});
afterAll(async () => {
  await revocations.stop();
  await database.drop();
});

describeComponent(describeRevoking, async () => ({
  contract: revocations,
  by: { id: 'person:olivia.ops', institution: leiOf('529900OPERATOR') },
  ...revocable(clock),
  endedBy: (claims) => revocations.endedBy(claims),
  recorded: () => log.ofType('token.revoked').length,
}));
