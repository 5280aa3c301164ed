import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';
import { drawErasure, drawKey } from './retention/draw.ts';

const reasonOption = ['--reason <text>', 'why; it is recorded'] as const;

/** Erasure of the protected values of a person or an institution after their retention period. */
export function erasureCommands(program: Command, options: () => ConnectionOptions): void {
  const erasure = program.command('erasure').description('erasure of restricted values whose retention has ended');
  erasure
    .command('keys <subject>')
    .description('the restricted values of a person, client or institution, and from when each may be erased')
    .action(async (subject: string) => {
      const inputs = { scope: 'retention:read', query: { subject } } as const;
      const { keys } = await request(connect(options()), 'GET /retention/erasures/keys', inputs);
      for (const key of keys) print(drawKey(key));
      if (keys.length === 0) print(dim('nothing'));
    });
  erasure
    .command('propose <subject>')
    .description('propose to erase what is due; somebody else approves it')
    .option('--keys <list>', 'only these, with commas between them')
    .requiredOption(...reasonOption)
    .action(async (subject: string, { keys, reason }: { keys?: string; reason: string }) => {
      const body = { subject, reason, keys: keys?.split(',') };
      show(await request(connect(options()), 'POST /retention/erasures', { scope: 'erasure:propose', body }));
    });
  erasure
    .command('list')
    .description('the newest hundred, newest first')
    .option('--status <status>', 'proposed, approved, rejected, completed or expired')
    .action(async ({ status }: { status?: string }) => {
      const inputs = { scope: 'retention:read', query: { status } } as const;
      const { erasures } = await request(connect(options()), 'GET /retention/erasures', inputs);
      for (const each of erasures) for (const line of drawErasure(each)) print(line);
      if (erasures.length === 0) print(dim('none'));
    });
  erasure
    .command('show <id>')
    .description('what would be erased')
    .action(async (id: string) => {
      const inputs = { scope: 'retention:read', params: { id } } as const;
      show(await request(connect(options()), 'GET /retention/erasures/{id}', inputs));
    });
  erasure
    .command('approve <id>')
    .description('approve it, as a person other than the proposer; this cannot be undone')
    .requiredOption('--digest <digest>', 'the digest that `erasure show` printed: nothing else is approved')
    .action(async (id: string, { digest }: { digest: string }) => {
      const inputs = { scope: 'erasure:approve', params: { id }, body: { digest } } as const;
      show(await request(connect(options()), 'POST /retention/erasures/{id}/approve', inputs));
    });
  erasure
    .command('reject <id>')
    .description('reject it: nothing changes')
    .requiredOption(...reasonOption)
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'erasure:approve', params: { id }, body: { reason } } as const;
      show(await request(connect(options()), 'POST /retention/erasures/{id}/reject', inputs));
    });
}

function show(erasure: Schemas['ErasureProposal']): void {
  for (const line of drawErasure(erasure)) print(line);
  for (const key of erasure.keys) print(`  ${drawKey(key)}`);
  const { id, status, digest, expiresAt } = erasure;
  print(dim(`digest ${digest}, expires ${expiresAt}`));
  if (status === 'proposed')
    print(`Approve it as another person: countersign erasure approve ${id} --digest ${digest}`);
}
