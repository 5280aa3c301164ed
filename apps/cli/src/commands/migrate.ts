import type { Command } from 'commander';
import { print } from '../output.ts';

export function migrateCommand(program: Command): void {
  program
    .command('migrate')
    .description('bring the database to this release as its owner, and end; for processes that hold no such account')
    .requiredOption('--config <file>', "the installation's configuration")
    .option('--adopt-roles-secret', 'once, after the secret of the database roles was lost: go on with a new one')
    .action(async ({ config, adoptRolesSecret }: { config: string; adoptRolesSecret?: true }) => {
      const { migrateDatabase } = await import('@countersign/server');
      await migrateDatabase({
        configurationFile: config,
        adoptRolesSecret: adoptRolesSecret ?? false,
        say: print,
      });
    });
}
