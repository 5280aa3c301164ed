import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { print } from '../output.ts';

export function keyCommands(program: Command, options: () => ConnectionOptions): void {
  const key = program.command('key').description('signing keys of the control plane');
  key
    .command('rotate <purpose>')
    .description('publish a successor of the key for access-token; it signs once every verifier can have it')
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
}
