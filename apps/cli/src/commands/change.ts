import type { Command } from 'commander';
import { type Answer, request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { type ChangeRequest, describe, printChanged } from '../directory-door.ts';
import { bold, dim, green, print, red, yellow } from '../output.ts';

type Document = Readonly<Record<string, unknown>>;

export function changeCommands(program: Command, options: () => ConnectionOptions): void {
  const change = program.command('change').description('directory changes that need two people');
  change
    .command('list')
    .description('the newest hundred, newest first')
    .option('--status <status>', 'proposed, approved, rejected or expired')
    .action(async ({ status }: { status?: string }) => {
      const { changes } = await request(connect(options()), 'GET /directory/changes', {
        scope: 'directory:read',
        query: { status },
      });
      for (const request of changes) print(summaryOf(request));
      if (changes.length === 0) print(dim('none'));
    });
  change
    .command('show <id>')
    .description('each entity before and after the change')
    .action(async (id: string) => {
      const route = 'GET /directory/changes/{id}';
      showView(await request(connect(options()), route, { scope: 'directory:read', params: { id } }));
    });
  change
    .command('approve <id>')
    .description('approve it, as a person other than the proposer (another --client, --key)')
    .requiredOption('--digest <digest>', 'the digest that `change show` printed: nothing else is approved')
    .action(async (id: string, { digest }: { digest: string }) => {
      const inputs = { scope: 'directory:approve', params: { id }, body: { digest } } as const;
      printChanged(await request(connect(options()), 'POST /directory/changes/{id}/approve', inputs));
    });
  change
    .command('reject <id>')
    .description('reject it: nothing changes')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'directory:approve', params: { id }, body: { reason } } as const;
      print(summaryOf(await request(connect(options()), 'POST /directory/changes/{id}/reject', inputs)));
    });
}

function summaryOf({ id, status, proposedBy, decidedBy, changes, reason }: ChangeRequest): string {
  const people = decidedBy === undefined ? proposedBy : `${proposedBy}, ${decidedBy}`;
  return `${id}  ${bold(status.padEnd(8))} ${changes.length} by ${people}  ${dim(reason)}`;
}

function showView({ request, current, entities }: Answer<'GET /directory/changes/{id}'>): void {
  print(summaryOf(request));
  print(dim(`digest ${request.digest}, expires ${request.expiresAt}`));
  for (const { before, after, ...line } of entities) {
    print(describe(line));
    if (before !== undefined) print(red(indented('-', before, line.fields)));
    if (after !== undefined) print(green(indented('+', after, line.fields)));
  }
  if (entities.length === 0) for (const line of request.changes) print(describe(line));
  if (request.status !== 'proposed') return;
  print(
    current
      ? `Approve it as another person: countersign change approve ${request.id} --digest ${request.digest}`
      : yellow('The directory has changed since: this request can no longer be approved. Propose it again.'),
  );
}

/** A document, or those of its members that change. */
function indented(sign: string, document: Document, fields: readonly string[] = Object.keys(document)): string {
  const shown = Object.fromEntries(Object.entries(document).filter(([name]) => fields.includes(name)));
  return JSON.stringify(shown, undefined, 2)
    .split('\n')
    .map((line) => `  ${sign} ${line}`)
    .join('\n');
}
