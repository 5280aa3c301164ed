import type { AuditLog, ConsentStore, Directory, PolicyEngine, TransactionRegistry } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { addressOfDatabase, readSecret } from '@countersign/runtime';
import {
  createPostgresqlTarget,
  createSecrets,
  type LeaseTarget,
  type RunningSecrets,
  secretsMigrations,
} from '@countersign/secrets';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';
import { twoPeople } from './two-people.ts';

/** Leased credentials, secrets, and the broker of venue keys. */
export interface SecretParts {
  readonly secrets: RunningSecrets;
}

export function startSecretsComponent(
  { configuration, database, metrics, common, installation, started, keyFor }: Ground,
  {
    auditLog,
    directory,
    authenticators,
    consentStore,
    policyEngine,
    transactions,
    exchangeWith,
    notices,
  }: Pick<Seen, 'authenticators' | 'exchangeWith' | 'notices'> & {
    readonly auditLog: Pick<
      AuditLog,
      'append' | 'standings' | 'standingsUnder' | 'find' | 'search' | 'query' | 'newest' | 'scan'
    >;
    readonly directory: Pick<Directory, 'snapshotAtLeast'>;
    readonly consentStore: Pick<ConsentStore, 'withDescendants'>;
    readonly policyEngine: Pick<PolicyEngine, 'decide'>;
    readonly transactions: Pick<TransactionRegistry, 'facts'>;
  },
): SecretParts {
  const { issuer, environment, secrets: settings = {} } = configuration;
  for (const { name, url, authorities } of settings.databases ?? [])
    if (environment === 'production' && authorities === undefined && !isLoopback(readSecret(url)))
      throw new CodedError({
        code: 'configuration_unsafe',
        category: 'invalid',
        detail: `secrets.databases: ${name} is on another machine. Name the authorities of its certificate, so that the connection is encrypted and verified.`,
      });
  const targets = new Map<string, LeaseTarget>(
    (settings.databases ?? []).map(({ name, url, authorities }) => [
      name,
      started(
        `credentials of ${name}`,
        createPostgresqlTarget({
          url: readSecret(url),
          ...(authorities === undefined ? {} : { authorities: readSecret(authorities) }),
          onError: (error) => common.logger.warn({ error, database: name }, 'a connection to a leased database broke'),
        }),
      ),
    ]),
  );
  const key = keyFor(secretsMigrations);
  const { leasesPerHolder, leasesPerRole } = settings;
  const secrets = started(
    'secrets',
    createSecrets({
      pool: database.pool(secretsMigrations, { maxConnections: 8 }),
      audit: auditLog,
      ...{ directory, consentStore, policyEngine, transactions, targets, issuer, environment, installation, metrics },
      ...twoPeople({ directory, authenticators, auditLog }),
      exchange: exchangeWith(undefined),
      notices,
      operator: configuration.operator.lei,
      sealingKey: key.sealing,
      passwordKey: key.derive('lease-passwords'),
      ...(leasesPerHolder === undefined ? {} : { leasesPerHolder }),
      ...(leasesPerRole === undefined ? {} : { leasesPerRole }),
      ...common,
    }),
  );
  return { secrets };
}

function isLoopback(url: string): boolean {
  const address = addressOfDatabase({ url });
  return 'path' in address || ['localhost', '127.0.0.1', '::1'].includes(address.host);
}
