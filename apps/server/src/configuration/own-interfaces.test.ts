import { createDirectory, type DirectoryComponent, directoryMigrations } from '@countersign/directory';
import { systemClock, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import { developmentPeople, generateSigningKey } from '@countersign/sdk';
import {
  createMemoryLog,
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  fixedClock,
} from '@countersign/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { type Configuration, readConfiguration } from './configuration.ts';
import { directorySeed, ownInterfaces } from './own-interfaces.ts';

let database: ScratchDatabase;
let directory: DirectoryComponent;
afterEach(async () => {
  await directory.stop();
  await database.drop();
});

const keySet = () => {
  const { publicJwk, kid } = generateSigningKey();
  return { jwks: { keys: [{ ...publicJwk, kid }] } };
};

function configurationFor(environment: 'production' | 'development'): Configuration {
  const production = environment === 'production';
  return readConfiguration({
    environment,
    issuer: production ? 'https://identity.example.com' : 'http://127.0.0.1:7420',
    listen: { host: '127.0.0.1', port: 7420 },
    dataFolder: '/var/lib/countersign',
    ...(production ? { databaseUrl: 'env:DATABASE_URL' } : {}),
    keyEncryptionKey: 'env:KEY',
    logOrigin: 'identity.example.com/log/2026',
    logLevel: 'info',
    operator: {
      lei: '529900T8BM49AURSDO55',
      name: 'Example Operator',
      country: 'DE',
      ...keySet(),
      ...(production
        ? {
            approver: keySet(),
            founders: [
              { id: 'person:ada', roles: ['operator'] },
              { id: 'person:ben', roles: ['approver'] },
            ],
          }
        : {}),
    },
    accessTokenLifetimeSeconds: 300,
  });
}

async function open(configuration: Configuration) {
  database = await createTestDatabase({ components: [directoryMigrations] });
  const [component] = database.components;
  if (component === undefined) throw new Error('no component');
  directory = await createDirectory({
    pool: database.pool('directory'),
    access: {
      database: database.database,
      role: component.role,
      schema: component.schema,
      applicationName: 'test',
    },
    audit: createMemoryLog(systemClock),
    proposerStanding: everyProposerActive,
    independence: everybodyIndependent,
    seed: directorySeed(configuration),
    clock: fixedClock(Date.now()),
    random: systemRandom,
    logger: createLogger({ level: 'silent', name: 'test' }),
  });
  return directory.snapshot();
}

describe('the directory before the first file is applied', () => {
  it('has two commands in production, neither of which can do the other’s work', async () => {
    const configuration = configurationFor('production');
    const snapshot = await open(configuration);
    const command = snapshot.client('countersign-cli');
    const approver = snapshot.client('countersign-approver');
    expect(command).toMatchObject({ environment: 'production', profile: 'fapi2', binding: 'dpop' });
    expect(approver).toMatchObject({
      environment: 'production',
      principal: 'service:countersign-approver',
      audiences: [
        ...[
          'certificates',
          'directory',
          'halts',
          'policies',
          'recoveries',
          'retention',
          'revocations',
          'secrets',
          'workloads',
        ],
      ].map((name) => `${configuration.issuer}/${name}`),
    });
    // Both may roll the policies back by one step, and read; one proposes, and the other approves.
    expect(new Set(approver?.scopes)).toEqual(
      new Set([
        ...['directory:approve', 'directory:read', 'policy:approve', 'policy:rollback', 'policy:read'],
        ...['retention:read', 'retention:approve', 'legalhold:release', 'erasure:approve'],
        ...['revocation:lift', 'revocation:read', 'recovery:open', 'recovery:read'],
        ...['secret:read', 'secret:approve'],
        ...['workload:read', 'workload:approve'],
        ...['halt:read', 'halt:release'],
        ...['certificate:read', 'authority:approve'],
      ]),
    );
    expect(command?.scopes).toEqual(
      expect.arrayContaining(['directory:apply', 'policy:propose', 'key:revoke', 'token:revoke', 'client:register']),
    );
    expect(command?.scopes).not.toContain('directory:approve');
    for (const scope of [
      'authority:approve',
      'policy:approve',
      'retention:approve',
      'erasure:approve',
      'legalhold:release',
    ])
      expect(command?.scopes).not.toContain(scope);
    expect(command?.keys[0]?.thumbprint).not.toBe(approver?.keys[0]?.thumbprint);
  });

  it('has the founders as people in production, and nobody who signs in by a key file', async () => {
    const snapshot = await open(configurationFor('production'));
    expect(snapshot.principal('person:ada')).toMatchObject({ roles: ['operator'], credentials: [] });
    expect(snapshot.principal('person:ben')).toMatchObject({ roles: ['approver'] });
    for (const { person } of Object.values(developmentPeople)) expect(snapshot.principal(person)).toBeUndefined();
    expect(snapshot.client('countersign-cli')?.grantTypes).toEqual(['client_credentials', 'authorization_code']);
  });

  it('has one command in development, for a sandbox as the installation is one', async () => {
    const snapshot = await open(configurationFor('development'));
    expect(snapshot.client('countersign-cli')?.environment).toBe('sandbox');
    expect(snapshot.client('countersign-approver')).toBeUndefined();
  });

  it('has every interface of our own, with its scopes', async () => {
    const configuration = configurationFor('production');
    const snapshot = await open(configuration);
    for (const [name, scopes] of Object.entries(ownInterfaces)) {
      const resource = snapshot.resource(`${configuration.issuer}/${name}`);
      expect(resource?.institution, name).toBe(configuration.operator.lei);
      expect([...(resource?.scopes ?? [])].sort(), name).toEqual([...scopes].sort());
    }
  });
});
