import type { Command } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';

export function keyCommands(program: Command, options: () => ConnectionOptions): void {
  const key = program.command('key').description('signing keys of the control plane');
  key
    .command('list')
    .description('our signing keys with their state and age')
    .action(async () => {
      const { keys } = await request(connect(options()), 'GET /keys', { scope: 'key:rotate' });
      for (const { purpose, state, kid, age_seconds: age } of keys)
        print(`${purpose.padEnd(18)} ${state.padEnd(9)} ${kid}  ${dim(`${Math.floor(age / 86_400)} days`)}`);
    });
  key
    .command('rotate <purpose>')
    .description(
      'publish a successor of a key (access-token, id-token, transaction-token); it signs once every verifier can have it',
    )
    .action(async (purpose: string) => {
      const inputs = { scope: 'key:rotate', params: { purpose } } as const;
      const { kid, state } = await request(connect(options()), 'POST /keys/{purpose}/rotate', inputs);
      print(`${kid}  ${state}`);
    });
  key
    .command('withdraw <purpose> <kid>')
    .description('withdraw a lost key: its signatures are no longer accepted, and a successor signs at once')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (purpose: string, kid: string, { reason }: { reason: string }) => {
      const { successor } = await request(connect(options()), 'POST /keys/{purpose}/{kid}/withdraw', {
        scope: 'key:revoke',
        params: { purpose, kid },
        body: { reason },
      });
      print(`${kid}  withdrawn`);
      print(`${successor.kid}  ${successor.state}`);
    });
}
