import type { Command } from 'commander';
import { print } from '../output.ts';

export function witnessCommands(program: Command): void {
  const witness = program
    .command('witness')
    .description("cosign other people's logs, so that they cannot show two histories");
  witness
    .command('start')
    .description('serve C2SP tlog-witness and keep it up; needs a folder and no database')
    .requiredOption('--folder <folder>', 'holds its key and what it has cosigned; made at the first start')
    .requiredOption('--log <vkey...>', 'verifier keys of the logs, as their operators publish them')
    .option('--port <number>', 'where it listens', '7421')
    .option('--host <address>', 'which address of this machine; TLS is ended before it', '127.0.0.1')
    .option('--name <name>', 'at the first start: a schema-less URL that says whose witness it is')
    .action(async (flags: { folder: string; log: string[]; port: string; host: string; name?: string }) => {
      const { witnessAndStay } = await import('@countersign/server');
      await witnessAndStay({
        folder: flags.folder,
        host: flags.host,
        port: Number(flags.port),
        logs: flags.log,
        ...(flags.name === undefined ? {} : { name: flags.name }),
      });
    });
  witness
    .command('key')
    .description('print its verifier key, which goes into the policies of those who rely on it')
    .requiredOption('--folder <folder>', 'as for start; the key is made when there is none')
    .option('--name <name>', 'at the first time')
    .action(async (flags: { folder: string; name?: string }) => {
      const { witnessKey } = await import('@countersign/server');
      print(witnessKey(flags.folder, flags.name));
    });
}
