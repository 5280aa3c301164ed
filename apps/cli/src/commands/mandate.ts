import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print } from '../output.ts';

/** A mandate as the interface shows it. */
interface MandateView {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly grantor: { readonly lei: string; readonly role: string };
  readonly grantee: { readonly lei: string; readonly role: string };
}

export function mandateCommands(program: Command, options: () => ConnectionOptions): void {
  const mandate = program
    .command('mandate')
    .description('mandates of the institution whose client key is used (--client, --key)');
  mandate
    .command('list')
    .description('mandates this institution gave or holds')
    .action(async () => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('mandates', 'mandate:read'), {
        method: 'GET',
        url: `${issuer}/mandates`,
      });
      const { mandates } = answer as { mandates: readonly MandateView[] };
      for (const { id, version, status, grantor, grantee } of mandates)
        print(`${id}  v${version}  ${bold(status.padEnd(9))} ${grantor.lei} -> ${grantee.lei} ${dim(grantee.role)}`);
      if (mandates.length === 0) print(dim('none'));
    });
  mandate
    .command('show <id>')
    .description('a mandate with all its versions, as JSON')
    .action(async (id: string) => {
      const { issuer, client, token } = connect(options());
      const url = `${issuer}/mandates/${encodeURIComponent(id)}`;
      print(
        JSON.stringify(
          await client.callOrThrow(await token('mandates', 'mandate:read'), { method: 'GET', url }),
          undefined,
          2,
        ),
      );
    });
  mandate
    .command('revoke <id>')
    .description('end a mandate, and with it everything cut from it')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      const { issuer, client, token } = connect(options());
      const url = `${issuer}/mandates/${encodeURIComponent(id)}/revoke`;
      const answer = await client.callOrThrow(await token('mandates', 'mandate:revoke'), {
        method: 'POST',
        url,
        body: { reason },
      });
      const { version, status } = answer as MandateView;
      print(`${id}  v${version}  ${bold(status)}`);
    });
}
