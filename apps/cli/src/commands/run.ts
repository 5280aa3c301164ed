import type { SplitControlPlane } from '@countersign/examples';
import type { Command } from 'commander';
import type { ConnectionOptions } from '../connection-options.ts';

interface StartFlags {
  readonly data?: string;
  readonly port: string;
  readonly config?: string;
  readonly only?: readonly string[];
  readonly adoptRolesSecret?: true;
}

export function startCommand(program: Command, options: () => ConnectionOptions): void {
  program
    .command('start')
    .description('start a control plane and keep it up')
    .option('--data <folder>', 'where data lies; made on the first start (default: that of the whole command)')
    .option('--port <number>', 'only on the first start: it becomes part of the address', '7420')
    .option('--config <file>', 'a configuration of your own instead of the development one')
    .option(
      '--only <names>',
      'groups or components that this process runs alone, with commas between; --config names what `processes init` made',
      (names: string) => names.split(',').map((name) => name.trim()),
    )
    .option('--adopt-roles-secret', 'once, after the secret of the database roles was lost: go on with a new one')
    .action(async (flags: StartFlags) => {
      const { startAndStay } = await import('@countersign/server');
      await startAndStay({
        dataFolder: flags.data ?? options().data,
        port: Number(flags.port),
        ...(flags.config === undefined ? {} : { configurationFile: flags.config }),
        ...(flags.only === undefined ? {} : { only: flags.only }),
        adoptRolesSecret: flags.adoptRolesSecret ?? false,
      });
    });
}

export function demoCommand(program: Command): void {
  program
    .command('demo')
    .description('carry one institutional order from sign-in to settlement across five firms, and prove it')
    .option('--keep <folder>', 'keep data and evidence there instead of a temporary folder')
    .option('--split', 'the control plane as six processes, of which one is killed while the order is under way')
    .action(async (flags: { keep?: string; split?: true }) => {
      const { runDemo } = await import('@countersign/examples');
      process.exitCode = await runDemo({
        ...(flags.keep === undefined ? {} : { keepFolder: flags.keep }),
        ...(flags.split === true ? { split: await splitDevelopment() } : {}),
      });
    });
}

async function splitDevelopment(): Promise<SplitControlPlane> {
  const { groupParts, prepareSplitDevelopment } = await import('@countersign/server');
  return {
    holds: groupParts,
    async prepare(options) {
      const { setup, stop } = await prepareSplitDevelopment(options);
      return { configurationFile: setup.configurationFile, stop };
    },
  };
}
