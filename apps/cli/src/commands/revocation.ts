import type { Command } from 'commander';
import { type Answer, request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print } from '../output.ts';
import { visible } from '../visible.ts';

/** Revocations that stay in force until they are lifted, by another person and another client than placed them. */
export function revocationCommands(program: Command, options: () => ConnectionOptions): void {
  const revocation = program
    .command('revocation')
    .description('revocations of mandates, clients, principals and institutions');
  revocation
    .command('list')
    .description('active revocations, with who placed them and why')
    .action(async () => {
      const connection = connect(options());
      let after: string | undefined;
      let listed = 0;
      do {
        const inputs = { scope: 'revocation:read', query: { after } } as const;
        const page: Answer<'GET /revocations/standing'> = await request(
          connection,
          'GET /revocations/standing',
          inputs,
        );
        for (const each of page.revocations) print(lineOf(each));
        listed += page.revocations.length;
        after = page.next;
      } while (after !== undefined);
      if (listed === 0) print(dim('none'));
    });
  revocation
    .command('place <kind> <id>')
    .description(
      'revoke what was issued to a mandate, client, principal or partner (an institution), and issue nothing until the revocation is lifted; or revoke one token or grant for good',
    )
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (kind: string, id: string, { reason }: { reason: string }) => {
      const { revocation: record, active } = await request(connect(options()), 'POST /revocations', {
        scope: 'token:revoke',
        body: { kind, id, reason },
      });
      print(`${record}  ${visible(kind)} ${visible(id)} ${active ? 'is revoked until it is lifted' : 'has ended'}`);
      if (active) print(dim(`Another person lifts it: countersign revocation lift ${record}`));
    });
  revocation
    .command('lift <record>')
    .description('lift a revocation, as a person other than the one who placed it (another --client, --key)')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (record: string, { reason }: { reason: string }) => {
      const { lifted } = await request(connect(options()), 'POST /revocations/{record}/lift', {
        scope: 'revocation:lift',
        params: { record },
        body: { reason },
      });
      print(`${visible(record)}  lifted by ${lifted}`);
    });
}

function lineOf({ revocation, kind, id, party, at, by, reason }: Schemas['StandingRevocation']): string {
  const told = [by === undefined ? `by the ${party}` : `by ${by}, for the ${party}`, `since ${at}`];
  return `${revocation}  ${bold(`${kind} ${visible(id)}`)}  ${dim(told.join(', '))}${reason === undefined ? '' : `  ${visible(reason)}`}`;
}
