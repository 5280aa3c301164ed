import type { Command } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';
import { drawHold } from './retention/draw.ts';

interface PlaceFlags {
  readonly matter: string;
  readonly future: boolean;
  readonly types?: string;
  readonly transaction?: string;
  readonly person?: string;
  readonly agent?: string;
  readonly ofClient?: string;
  readonly mandate?: string;
  readonly partner?: string;
  readonly institution?: string;
  readonly decision?: string;
  readonly from?: string;
  readonly until?: string;
}

export function holdCommands(program: Command, options: () => ConnectionOptions): void {
  const hold = program.command('hold').description('legal holds: orders that keep evidence beyond its retention');
  hold
    .command('list')
    .description('active holds, newest first')
    .option('--all', 'also released holds', false)
    .action(async ({ all }: { all: boolean }) => {
      const inputs = { scope: 'retention:read', query: { active: all ? undefined : true } } as const;
      const { holds } = await request(connect(options()), 'GET /retention/holds', inputs);
      for (const each of holds) for (const line of drawHold(each)) print(line);
      if (holds.length === 0) print(dim('none'));
    });
  hold
    .command('place')
    .description(
      'hold records that match all options, now and in future; nobody can place a hold on records about themselves',
    )
    .requiredOption('--matter <text>', 'court or authority, and reference; it is recorded')
    .option('--transaction <id>')
    .option('--person <id>', 'a principal, e.g. person:anna.keller')
    .option('--agent <id>', 'a service or agent')
    .option('--of-client <id>')
    .option('--mandate <id>')
    .option('--partner <lei>')
    .option('--institution <lei>')
    .option('--decision <record>', 'a decision, and what rests on it')
    .option('--types <list>', 'types of records, with commas between them')
    .option('--from <moment>', 'RFC 3339')
    .option('--until <moment>', 'RFC 3339')
    .option('--future', 'allow a hold that matches no record yet', false)
    .action(async ({ matter, future, types, ofClient, ...named }: PlaceFlags) => {
      const scope = { ...named, client: ofClient, types: types?.split(',') };
      const inputs = { scope: 'legalhold:place', body: { scope, matter, future } } as const;
      const placed = await request(connect(options()), 'POST /retention/holds', inputs);
      for (const line of drawHold(placed)) print(line);
    });
  hold
    .command('release <id>')
    .description('release it, as a person other than the one who placed it (another --client, --key)')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'legalhold:release', params: { id }, body: { reason } } as const;
      const released = await request(connect(options()), 'POST /retention/holds/{id}/release', inputs);
      for (const line of drawHold(released)) print(line);
    });
}
