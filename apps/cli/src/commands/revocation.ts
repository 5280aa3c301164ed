import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print } from '../output.ts';
import { visible } from './policy/visible.ts';

interface RevocationsView {
  readonly revocations: readonly {
    readonly revocation: string;
    readonly kind: string;
    readonly id: string;
    readonly party: string;
    readonly at: string;
    readonly by?: string;
    readonly reason?: string;
  }[];
  readonly next?: string;
}

/** What is revoked until somebody lifts it. Who revokes and who lifts are two, with a client each. */
export function revocationCommands(program: Command, options: () => ConnectionOptions): void {
  const revocation = program
    .command('revocation')
    .description('mandates, clients, principals and institutions that are revoked until somebody lifts it');
  revocation
    .command('list')
    .description('what is revoked now, by whom and why')
    .action(async () => {
      const connection = connect(options());
      let after: string | undefined;
      let listed = 0;
      do {
        const query = after === undefined ? '' : `?after=${encodeURIComponent(after)}`;
        const page = (await call(connection, 'revocation:read', 'GET', `standing${query}`)) as RevocationsView;
        for (const each of page.revocations) print(lineOf(each));
        listed += page.revocations.length;
        after = page.next;
      } while (after !== undefined);
      if (listed === 0) print(dim('none'));
    });
  revocation
    .command('place <kind> <id>')
    .description(
      'end what was issued to a mandate, client, principal or partner (an institution), and issue nothing more until it is lifted; also a token or grant, which end for good',
    )
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (kind: string, id: string, { reason }: { reason: string }) => {
      const answer = await call(connect(options()), 'token:revoke', 'POST', '', { kind, id, reason });
      const { revocation: record, stands } = answer as { revocation: string; stands: boolean };
      print(`${record}  ${visible(kind)} ${visible(id)} ${stands ? 'is revoked until it is lifted' : 'has ended'}`);
      if (stands) print(dim(`Somebody else lifts it: countersign revocation lift ${record}`));
    });
  revocation
    .command('lift <record>')
    .description('let it be used again, as somebody else than who revoked it (another --client, --key)')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (record: string, { reason }: { reason: string }) => {
      const path = `${encodeURIComponent(record)}/lift`;
      const answer = await call(connect(options()), 'revocation:lift', 'POST', path, { reason });
      print(`${visible(record)}  lifted by ${(answer as { lifted: string }).lifted}`);
    });
}

async function call(
  { issuer, client, token }: Connection,
  scope: 'revocation:read' | 'token:revoke' | 'revocation:lift',
  method: 'GET' | 'POST',
  path: string,
  body?: object,
): Promise<unknown> {
  return client.callOrThrow(await token('revocations', scope), {
    method,
    url: `${issuer}/revocations${path === '' ? '' : `/${path}`}`,
    ...(body === undefined ? {} : { body }),
  });
}

function lineOf({ revocation, kind, id, party, at, by, reason }: RevocationsView['revocations'][number]): string {
  const told = [by === undefined ? `by the ${party}` : `by ${by}, for the ${party}`, `since ${at}`];
  return `${revocation}  ${bold(`${kind} ${visible(id)}`)}  ${dim(told.join(', '))}${reason === undefined ? '' : `  ${visible(reason)}`}`;
}
