import type { Actor } from '@countersign/contracts';
import { type Clock, type Random, systemRandom } from '@countersign/kernel';
import type { ComponentMigrations, Lifecycle, Logger, Metrics } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';
import type { OpenedDatabase } from '../database/index.ts';
import { type GroupKey, type KeyringDependencies, openKeyEncryptionKey, startToken } from '../keys/index.ts';
import { groupOf } from '../process-groups/index.ts';

/** What this process has before any component starts. */
export interface ProcessParts {
  readonly configuration: Configuration;
  readonly database: OpenedDatabase;
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** The shared foundation of the components. Each component receives only the parts that it needs. */
export interface Ground {
  readonly configuration: Configuration;
  readonly development: boolean;
  readonly database: Pick<OpenedDatabase, 'pool' | 'access'>;
  readonly metrics: Metrics;
  readonly common: { readonly clock: Clock; readonly random: Random; readonly logger: Logger };
  /** The key with which the component's group encrypts and derives. */
  keyFor(component: ComponentMigrations): GroupKey;
  /** The actor in records of the installation's own actions. */
  readonly installation: Required<Actor>;
  keyring(component: ComponentMigrations): KeyringDependencies;
  /** Registers a part to stop when the process stops, before all parts that were started earlier. */
  started<Part extends { stop(): Promise<void> }>(name: string, part: Part): Part;
}

/**
 * Opens the token, if one is configured, and the key-encryption key.
 *
 * @throws CodedError `secret_unavailable`, `configuration_invalid`, those of `hardwareKeyErrors`
 */
export async function createGround(parts: ProcessParts): Promise<Ground> {
  const { configuration, database, lifecycle, logger, metrics, clock } = parts;
  const { environment, operator } = configuration;
  const common = { clock, random: systemRandom, logger };
  const custody = await startToken(configuration, { logger, metrics, random: systemRandom });
  const { hardware } = custody;
  if (hardware !== undefined) lifecycle.started({ name: 'keys in the token', stop: () => hardware.stop() });
  const keyEncryptionKey = await openKeyEncryptionKey(configuration, hardware);
  const keyFor: Ground['keyFor'] = ({ name }) => keyEncryptionKey.ofGroup(groupOf(name));
  const started: Ground['started'] = (name, part) => {
    lifecycle.started({ name, stop: () => part.stop() });
    return part;
  };
  return {
    configuration,
    development: environment === 'development',
    database,
    metrics,
    common,
    keyFor,
    installation: { id: 'service:countersign', institution: operator.lei },
    keyring: (component) => ({
      pool: database.pool(component, { maxConnections: 2 }),
      sealingKey: keyFor(component).sealing,
      custody,
      ...common,
    }),
    started,
  };
}
