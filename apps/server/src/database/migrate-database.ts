import { CodedError } from '@countersign/kernel';
import { createLifecycle, createLogger } from '@countersign/runtime';
import { readConfigurationFile } from '../configuration/index.ts';
import { openControlPlaneDatabase } from './database.ts';
import { migratedComponents } from './migrated-components.ts';

export interface MigrateOptions {
  /** The installation's configuration, with the owner account of the database and the `roles-secret` of every role. */
  readonly configurationFile: string;
  /** See `startControlPlane`. */
  readonly adoptRolesSecret?: boolean;
  /** Prints progress and results for the operator. */
  readonly say: (line: string) => void;
}

/**
 * `countersign migrate`: migrates the database to this release as its owner, because the processes do not have the owner
 * account.
 *
 * @throws CodedError `configuration_invalid` for the configuration of one process, and those of `openControlPlaneDatabase`
 */
export async function migrateDatabase({ configurationFile, adoptRolesSecret, say }: MigrateOptions): Promise<void> {
  const configuration = readConfigurationFile(configurationFile);
  if (configuration.process !== undefined)
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail:
        "This is the configuration of one process, which holds no owner's account. Name the one of the installation.",
    });
  const logger = createLogger({ level: configuration.logLevel, name: 'countersign' });
  const lifecycle = createLifecycle({ logger });
  try {
    const { notes } = await openControlPlaneDatabase({
      ...{ configuration, components: migratedComponents, lifecycle, logger },
      adoptRolesSecret: adoptRolesSecret ?? false,
      onProgress: (message) => say(`${message} ...`),
    });
    for (const note of notes) say(note);
    say('The database is at this release.');
  } finally {
    await lifecycle.stop();
  }
}
