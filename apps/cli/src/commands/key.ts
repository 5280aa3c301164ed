import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';

export function keyCommands(program: Command, options: () => ConnectionOptions): void {
  const key = program.command('key').description('signing keys of the control plane');
  key
    .command('list')
    .description('our signing keys with their state and age')
    .action(async () => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('keys', 'key:rotate'), {
        method: 'GET',
        url: `${issuer}/keys`,
      });
      for (const { purpose, state, kid, age_seconds: age } of (answer as { keys: readonly ListedKey[] }).keys)
        print(`${purpose.padEnd(18)} ${state.padEnd(9)} ${kid}  ${dim(`${Math.floor(age / 86_400)} days`)}`);
    });
  key
    .command('rotate <purpose>')
    .description(
      'publish a successor of a key (access-token, id-token, transaction-token); it signs once every verifier can have it',
    )
    .action(async (purpose: string) => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('keys', 'key:rotate'), {
        method: 'POST',
        url: `${issuer}/keys/${encodeURIComponent(purpose)}/rotate`,
        body: {},
      });
      const { kid, state } = answer as { kid: string; state: string };
      print(`${kid}  ${state}`);
    });
  key
    .command('withdraw <purpose> <kid>')
    .description('for a key that is lost: what it signed is worth nothing from now on, and a successor signs at once')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (purpose: string, kid: string, { reason }: { reason: string }) => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('keys', 'key:revoke'), {
        method: 'POST',
        url: `${issuer}/keys/${encodeURIComponent(purpose)}/${encodeURIComponent(kid)}/withdraw`,
        body: { reason },
      });
      const { successor } = answer as { successor: { kid: string; state: string } };
      print(`${kid}  withdrawn`);
      print(`${successor.kid}  ${successor.state}`);
    });
}

interface ListedKey {
  readonly purpose: string;
  readonly state: string;
  readonly kid: string;
  readonly age_seconds: number;
}
