import type { Actor } from '@countersign/contracts';
import { type Clock, type Random, systemRandom } from '@countersign/kernel';
import type { ComponentMigrations, Lifecycle, Logger, Metrics } from '@countersign/runtime';
import type { Configuration } from '../configuration/index.ts';
import type { OpenedDatabase } from '../database/index.ts';
import { type GroupKey, type KeyringDependencies, readKeyEncryptionKey } from '../keys/index.ts';
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

/** What components are started on: no component sees it, each is given what it needs of it. */
export interface Ground {
  readonly configuration: Configuration;
  readonly development: boolean;
  readonly database: Pick<OpenedDatabase, 'pool' | 'access'>;
  readonly metrics: Metrics;
  /** What every component takes. */
  readonly common: { readonly clock: Clock; readonly random: Random; readonly logger: Logger };
  /** What the component's group seals with and derives from. */
  keyFor(component: ComponentMigrations): GroupKey;
  /** In whose name the installation itself acts. */
  readonly installation: Required<Actor>;
  /** What the keyring of a component is made of. */
  keyring(component: ComponentMigrations): KeyringDependencies;
  /** Has a part stopped when the process stops, before all that were started earlier. */
  started<Part extends { stop(): Promise<void> }>(name: string, part: Part): Part;
}

/** @throws CodedError `secret_unavailable`, `configuration_invalid` */
export function createGround({ configuration, database, lifecycle, logger, metrics, clock }: ProcessParts): Ground {
  const { environment, operator } = configuration;
  const common = { clock, random: systemRandom, logger };
  const keyEncryptionKey = readKeyEncryptionKey(configuration);
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
      ...common,
    }),
    started,
  };
}
