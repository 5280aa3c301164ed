import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, red, yellow } from '../output.ts';
import { visible } from '../visible.ts';

/** Recovery of lost authenticators. Approval is not a command: approvers sign on /recovery. */
export function recoveryCommands(program: Command, options: () => ConnectionOptions): void {
  const recovery = program.command('recovery').description('replacement of lost security keys: open, follow, cancel');
  recovery
    .command('open <person>')
    .description(
      'open a recovery for a person whose identity was verified again; two people of different functions then approve on /recovery',
    )
    .requiredOption('--evidence <reference...>', 'how the identity was verified: a file number, a record; 1 to 10')
    .requiredOption('--reason <text>', 'what happened; it is recorded, and approvers read it')
    .action(async (person: string, { evidence, reason }: { evidence: readonly string[]; reason: string }) => {
      const body = { person, evidence, reason };
      draw(await request(connect(options()), 'POST /recoveries', { scope: 'recovery:open', body }));
    });
  recovery
    .command('list')
    .description('newest first')
    .option('--status <status>', 'waiting, approved, ended, invited, completed, refused, cancelled or expired')
    .action(async ({ status }: { status?: string }) => {
      const inputs = { scope: 'recovery:read', query: { status } } as const;
      const { recoveries } = await request(connect(options()), 'GET /recoveries', inputs);
      for (const each of recoveries) draw(each);
      if (recoveries.length === 0) print(dim('none'));
    });
  recovery
    .command('show <id>')
    .description('the state of a recovery')
    .action(async (id: string) => {
      draw(await request(connect(options()), 'GET /recoveries/{id}', { scope: 'recovery:read', params: { id } }));
    });
  recovery
    .command('invite <id>')
    .description(
      'create the link for registering a new key, once all former credentials have ended; give it only to that person',
    )
    .action(async (id: string) => {
      const inputs = { scope: 'recovery:open', params: { id } } as const;
      const { url, expires_at: until } = await request(connect(options()), 'POST /recoveries/{id}/invitation', inputs);
      print(url);
      print(dim(`shown once; valid until ${until}`));
    });
  recovery
    .command('cancel <id>')
    .description('cancel it; its links end too')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'recovery:open', params: { id }, body: { reason } } as const;
      draw(await request(connect(options()), 'POST /recoveries/{id}/cancel', inputs));
    });
  recovery
    .command('requests')
    .description('requests from the public page /recover; they prove nothing, so call the person')
    .action(async () => {
      const { requests } = await request(connect(options()), 'GET /recovery-requests', { scope: 'recovery:read' });
      for (const { person, last_at: at, times } of requests)
        print(`${bold(visible(person))}  ${at}${times > 1 ? dim(`  ${times} times`) : ''}`);
      if (requests.length === 0) print(dim('none'));
    });
}

function draw(view: Schemas['Recovery']): void {
  const status = ['refused', 'cancelled', 'expired'].includes(view.status) ? red(view.status) : yellow(view.status);
  print(`${view.id}  ${bold(visible(view.person))}  ${status}`);
  print(`  ${visible(view.reason)} ${dim(`(${view.evidence.map(visible).join(', ')})`)}`);
  print(dim(`  opened by ${visible(view.opened_by)} at ${view.opened_at}, until ${view.expires_at}`));
  for (const { by, function: name, at } of view.approvals) print(dim(`  ${name} approved: ${visible(by)} at ${at}`));
  if (view.status === 'waiting') print(dim(`  still to approve: ${view.missing.join(', ')}`));
  if (view.cooling_off_until !== undefined) print(dim(`  nothing that moves value until ${view.cooling_off_until}`));
}
