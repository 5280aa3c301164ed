import type { Directory, TrustProfileInput } from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { createMemoryLog, createTestDatabase, fixedClock, leiOf } from '@countersign/testkit';
import { describeComponent, describeTrustRegistry } from '@countersign/testkit/conformance';
import { afterAll, beforeAll } from 'vitest';
import { createTrustRegistry, type TrustRegistryComponent, trustRegistryMigrations } from './index.ts';

const institution = leiOf('529900BROKER');
const operator = { id: 'service:operator', institution, through: [], client: 'console' };
/** All that the registry reads of a directory. */
const directory = {
  snapshot: () => ({ institution: (lei: string) => ({ lei, name: 'x', country: 'DE', leiStatus: 'ISSUED' }) }),
} as unknown as Directory;

let scratch: ScratchDatabase;
let registry: TrustRegistryComponent;
beforeAll(async () => {
  scratch = await createTestDatabase({ components: [trustRegistryMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21));
  registry = await createTrustRegistry({
    ...{ clock, random: systemRandom, audit: createMemoryLog(clock), directory },
    logger: createLogger({ level: 'silent', name: 'test' }),
    pool: scratch.pool('trust-registry'),
    access: {
      database: scratch.database,
      role: scratch.components[0]?.role ?? '',
      schema: trustRegistryMigrations.schema,
      applicationName: 'trust-registry',
    },
  });
});
afterAll(async () => {
  await registry.stop();
  await scratch.drop();
});

let count = 0;
describeComponent(describeTrustRegistry, async () => {
  const issuer = `https://idp${++count}.broker.example`;
  const input: TrustProfileInput = {
    ...{ institution, issuer, jwksUri: `${issuer}/jwks.json`, algorithms: ['ES256'], maxLifetimeSeconds: 120 },
    ...{ requiredClaims: [], acrValues: ['phr'], maxAuthenticationAgeSeconds: 3_600 },
  };
  const profile = await registry.install(input, operator);
  return { contract: registry, profile, suspend: () => registry.suspend(profile.id, operator, 'A test') };
});
