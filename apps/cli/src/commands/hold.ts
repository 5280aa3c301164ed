import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';
import { call, type HoldView } from './retention/door.ts';
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

/** What stays, whatever its age. */
export function holdCommands(program: Command, options: () => ConnectionOptions): void {
  const hold = program.command('hold').description('legal holds: evidence that stays, whatever its age');
  hold
    .command('list')
    .description('holds that stand, newest first')
    .option('--all', 'those that were released as well', false)
    .action(async ({ all }: { all: boolean }) => {
      const path = `/holds${all ? '' : '?standing=true'}`;
      const { holds } = (await call(connect(options()), 'GET', path, 'retention:read')) as {
        holds: readonly HoldView[];
      };
      for (const each of holds) for (const line of drawHold(each)) print(line);
      if (holds.length === 0) print(dim('none'));
    });
  hold
    .command('place')
    .description('keep what all the given options together find, now and later; not by whom it is about')
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
    .option('--future', 'it may find nothing yet: it is meant for what is to come', false)
    .action(async ({ matter, future, types, ofClient, ...named }: PlaceFlags) => {
      const scope = {
        ...named,
        ...(ofClient === undefined ? {} : { client: ofClient }),
        ...(types === undefined ? {} : { types: types.split(',') }),
      };
      const body = { scope, matter, future };
      const placed = (await call(connect(options()), 'POST', '/holds', 'legalhold:place', body)) as HoldView;
      for (const line of drawHold(placed)) print(line);
    });
  hold
    .command('release <id>')
    .description('let it go, as another person than the one who placed it (another --client, --key)')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .action(async (id: string, { reason }: { reason: string }) => {
      const path = `/holds/${encodeURIComponent(id)}/release`;
      const released = (await call(connect(options()), 'POST', path, 'legalhold:release', { reason })) as HoldView;
      for (const line of drawHold(released)) print(line);
    });
}
