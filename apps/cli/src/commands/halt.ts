import type { Command } from 'commander';
import { request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print } from '../output.ts';
import { visible } from '../visible.ts';

/** The kill switch: one person halts trading, two others release it. */
export function haltCommands(program: Command, options: () => ConnectionOptions): void {
  const halt = program.command('halt').description('halts of trading (the kill switch) and their release');
  halt
    .command('trip <kind> <id>')
    .description(
      'halt trading at once: firm, desk, trader, client, algorithm, venue, instrument-class or partner, and its id in the directory',
    )
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (kind: Schemas['Halt']['kind'], id: string, { reason }: { readonly reason: string }) => {
      const tripped = await request(connect(options()), 'POST /halts', {
        scope: 'halt:trip',
        body: { kind, id, reason },
      });
      draw(tripped);
      print(dim(`Two other people release it: countersign halt release ${tripped.halt}`));
    });
  halt
    .command('list')
    .description('halts, newest first')
    .option('--status <status>', 'in-force or released')
    .action(async ({ status }: { readonly status?: string }) => {
      const { halts } = await request(connect(options()), 'GET /halts', { scope: 'halt:read', query: { status } });
      for (const each of halts) draw(each);
      if (halts.length === 0) print(dim('none'));
    });
  halt
    .command('show <halt>')
    .description('a halt with its releases')
    .action(async (record: string) => {
      const inputs = { scope: 'halt:read', params: { halt: record } } as const;
      const { halt: found, releases } = await request(connect(options()), 'GET /halts/{halt}', inputs);
      draw(found);
      for (const each of releases) drawRelease(each);
    });
  halt
    .command('release <halt>')
    .description('propose the release of a halt, as a person who did not trip it (--client countersign-approver)')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (record: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'halt:release', params: { halt: record }, body: { reason } } as const;
      drawRelease(await request(connect(options()), 'POST /halts/{halt}/releases', inputs));
    });
  halt
    .command('approve <release>')
    .description('approve the release of a halt, as a third person (--client countersign-compliance)')
    .requiredOption('--digest <digest>', 'of what you read')
    .action(async (release: string, { digest }: { readonly digest: string }) => {
      const inputs = { scope: 'halt:approve', params: { release }, body: { digest } } as const;
      drawRelease(await request(connect(options()), 'POST /halts/releases/{release}/approve', inputs));
    });
  halt
    .command('reject <release>')
    .description('reject the release of a halt')
    .requiredOption('--reason <text>', 'recorded; without names of people')
    .action(async (release: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'halt:approve', params: { release }, body: { reason } } as const;
      drawRelease(await request(connect(options()), 'POST /halts/releases/{release}/reject', inputs));
    });
}

function draw({ halt, kind, id, party, status, trips }: Schemas['Halt']): void {
  const of = party === 'operator' ? '' : `, own trading of ${party}`;
  print(`${halt}  ${bold(`${kind} ${visible(id)}`)}  ${status === 'in-force' ? 'halted' : 'released'}${of}`);
  for (const { by, at, reason } of trips) print(dim(`  tripped by ${by.id} at ${at}: ${visible(reason)}`));
}

function drawRelease({ release, status, proposed_by: by, reason, digest }: Schemas['HaltRelease']): void {
  print(`${release}  release ${status}`);
  print(dim(`  by ${by.id}: ${visible(reason)}`));
  print(dim(`  digest ${digest}`));
}
