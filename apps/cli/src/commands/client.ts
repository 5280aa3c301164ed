import type { Command } from 'commander';
import { type ConnectionOptions, connect, readJson } from '../connection.ts';
import { call, makeOrPropose } from '../directory-door.ts';
import { bold, dim, print, yellow } from '../output.ts';

/** What a line of the list shows of a registration document. */
interface ClientDocument {
  readonly id: string;
  readonly institution: string;
  readonly principal: string;
  readonly kind?: string;
  readonly profile?: string;
  readonly environment?: string;
}

const proposeOption = [
  '--propose <reason>',
  'ask for it instead: what touches a production client takes a second person',
] as const;

export function clientCommands(program: Command, options: () => ConnectionOptions): void {
  const client = program
    .command('client')
    .description("OAuth clients: those of the institution whose client key is used, every one for the operator's");
  client
    .command('list')
    .description('registered clients, one a line')
    .action(async () => {
      const connection = connect(options());
      let count = 0;
      for (let next: string | undefined = ''; next !== undefined; ) {
        const query: string = next === '' ? '' : `?after=${encodeURIComponent(next)}`;
        const page = (await call(connection, 'GET', `clients${query}`)) as {
          clients: readonly ClientDocument[];
          next?: string;
        };
        for (const document of page.clients) print(lineOf(document));
        count += page.clients.length;
        next = page.next;
      }
      if (count === 0) print(dim('none'));
    });
  client
    .command('show <id>')
    .description('the registration of a client as JSON, as `client put` takes it')
    .action(async (id: string) => {
      const document = await call(connect(options()), 'GET', `client/${encodeURIComponent(id)}`);
      print(JSON.stringify(document, undefined, 2));
    });
  client
    .command('put <file>')
    .description('register a client, or change it to what the file says')
    .option(...proposeOption)
    .action(async (path: string, { propose }: { propose?: string }) => {
      const document = readJson(path, 'Name the registration of a client: `client show ID` prints one.');
      const connection = connect(options());
      await makeOrPropose(connection, {
        make: () => call(connection, 'POST', 'clients', 'directory:apply', document),
        proposal: { edit: { put: { clients: [document] } } },
        reason: propose,
      });
    });
  client
    .command('remove <id>')
    .description('remove a client, and with it everything issued to it')
    .option(...proposeOption)
    .action(async (id: string, { propose }: { propose?: string }) => {
      const connection = connect(options());
      await makeOrPropose(connection, {
        make: () => call(connection, 'DELETE', `clients/${encodeURIComponent(id)}`, 'directory:apply'),
        proposal: { edit: { remove: [{ kind: 'client', id }] } },
        reason: propose,
      });
    });
}

function lineOf(document: ClientDocument): string {
  const { id, institution, principal, kind = 'machine', profile = 'fapi2', environment = 'sandbox' } = document;
  const where = environment === 'production' ? yellow(environment) : dim(environment.padEnd(10));
  return `${bold(id.padEnd(24))} ${where} ${profile.padEnd(5)} ${kind.padEnd(7)} ${institution} ${dim(principal)}`;
}
