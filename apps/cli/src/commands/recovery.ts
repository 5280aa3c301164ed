import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, red, yellow } from '../output.ts';
import { visible } from './policy/visible.ts';

interface RecoveryView {
  readonly id: string;
  readonly person: string;
  readonly status: string;
  readonly opened_by: string;
  readonly opened_at: string;
  readonly expires_at: string;
  readonly reason: string;
  readonly evidence: readonly string[];
  readonly approvals: readonly { readonly by: string; readonly function: string; readonly at: string }[];
  readonly missing: readonly string[];
  readonly cooling_off_until?: string;
}

interface RequestView {
  readonly person: string;
  readonly last_at: string;
  readonly times: number;
}

/** Lost factors. Approving is not among these: that takes people, and their keys. */
export function recoveryCommands(program: Command, options: () => ConnectionOptions): void {
  const recovery = program
    .command('recovery')
    .description('lost security keys: open, follow and call off their replacement');
  recovery
    .command('open <person>')
    .description(
      'for a person whose identity was proved again; two people of different functions then approve on /recovery',
    )
    .requiredOption('--evidence <reference...>', 'what proved who they are: a file number, a record; 1 to 10')
    .requiredOption('--reason <text>', 'what happened; it is recorded, and approvers read it')
    .action(async (person: string, { evidence, reason }: { evidence: readonly string[]; reason: string }) => {
      const opened = await call(connect(options()), 'POST', '/recoveries', 'recovery:open', {
        person,
        evidence,
        reason,
      });
      draw(opened as RecoveryView);
    });
  recovery
    .command('list')
    .description('newest first')
    .option('--status <status>', 'waiting, approved, ended, invited, completed, refused, cancelled or expired')
    .action(async ({ status }: { status?: string }) => {
      const query = status === undefined ? '' : `?status=${encodeURIComponent(status)}`;
      const answer = await call(connect(options()), 'GET', `/recoveries${query}`, 'recovery:read');
      const { recoveries } = answer as { recoveries: readonly RecoveryView[] };
      for (const each of recoveries) draw(each);
      if (recoveries.length === 0) print(dim('none'));
    });
  recovery
    .command('show <id>')
    .description('how far one has come')
    .action(async (id: string) => {
      draw((await call(connect(options()), 'GET', pathOf(id), 'recovery:read')) as RecoveryView);
    });
  recovery
    .command('invite <id>')
    .description('the link with which the person enrols, once everything they had has ended; hand it to nobody else')
    .action(async (id: string) => {
      const answer = await call(connect(options()), 'POST', `${pathOf(id)}/invitation`, 'recovery:open');
      const { url, expires_at: until } = answer as { readonly url: string; readonly expires_at: string };
      print(url);
      print(dim(`shown once; good until ${until}`));
    });
  recovery
    .command('cancel <id>')
    .description('call it off; links that were handed out end with it')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      draw(
        (await call(connect(options()), 'POST', `${pathOf(id)}/cancel`, 'recovery:open', { reason })) as RecoveryView,
      );
    });
  recovery
    .command('requests')
    .description('what people said on /recover: it proves nothing, so call them')
    .action(async () => {
      const answer = await call(connect(options()), 'GET', '/recovery-requests', 'recovery:read');
      const { requests } = answer as { requests: readonly RequestView[] };
      for (const { person, last_at: at, times } of requests)
        print(`${bold(visible(person))}  ${at}${times > 1 ? dim(`  ${times} times`) : ''}`);
      if (requests.length === 0) print(dim('none'));
    });
}

async function call(
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST',
  path: string,
  scope: 'recovery:open' | 'recovery:read',
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('recoveries', scope), {
    method,
    url: `${issuer}${path}`,
    ...(body === undefined ? {} : { body }),
  });
}

const pathOf = (id: string): string => `/recoveries/${encodeURIComponent(id)}`;

function draw(view: RecoveryView): void {
  const status = ['refused', 'cancelled', 'expired'].includes(view.status) ? red(view.status) : yellow(view.status);
  print(`${view.id}  ${bold(visible(view.person))}  ${status}`);
  print(`  ${visible(view.reason)} ${dim(`(${view.evidence.map(visible).join(', ')})`)}`);
  print(dim(`  opened by ${visible(view.opened_by)} at ${view.opened_at}, until ${view.expires_at}`));
  for (const { by, function: name, at } of view.approvals) print(dim(`  ${name} approved: ${visible(by)} at ${at}`));
  if (view.status === 'waiting') print(dim(`  still to approve: ${view.missing.join(', ')}`));
  if (view.cooling_off_until !== undefined) print(dim(`  nothing that moves value until ${view.cooling_off_until}`));
}
