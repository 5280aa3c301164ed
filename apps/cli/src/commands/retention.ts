import { setTimeout as pause } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, progressLine } from '../output.ts';
import { progressBar } from './policy/progress-bar.ts';
import { call, type ProposalView, type SimulationView, type Years } from './retention/door.ts';
import { drawProposal, drawSimulation, drawYears } from './retention/draw.ts';

const reasonOption = ['--reason <text>', 'why; it is recorded'] as const;
const pollMs = 500;

interface Overview {
  readonly schedule: { readonly version: number; readonly presets: readonly string[]; readonly years: Years };
  readonly dueBefore: Readonly<Record<string, string>>;
  readonly presets: readonly { readonly name: string; readonly source: string; readonly years: Years }[];
  readonly standingHolds: number;
}

/** For how long evidence is kept, and what goes then: by two people, after a look at what would go. */
export function retentionCommands(program: Command, options: () => ConnectionOptions): void {
  const retention = program.command('retention').description('for how long evidence is kept, and what is pruned then');
  retention
    .command('schedule')
    .description('the schedule in force, and what each law asks')
    .action(async () => {
      drawOverview((await call(connect(options()), 'GET', '', 'retention:read')) as Overview);
    });
  simulateCommands(retention, options);
  retention
    .command('propose <simulation>')
    .description('propose what was simulated; somebody else approves it')
    .requiredOption(...reasonOption)
    .action(async (simulation: string, { reason }: { reason: string }) => {
      const body = { simulation, reason };
      const proposal = (await call(
        connect(options()),
        'POST',
        '/proposals',
        'retention:propose',
        body,
      )) as ProposalView;
      show(proposal);
    });
  retention
    .command('list')
    .description('the newest hundred proposals, newest first')
    .option('--status <status>', 'proposed, approved, rejected, completed or expired')
    .action(async ({ status }: { status?: string }) => {
      const query = status === undefined ? '' : `?status=${encodeURIComponent(status)}`;
      const { proposals } = (await call(connect(options()), 'GET', `/proposals${query}`, 'retention:read')) as {
        proposals: readonly ProposalView[];
      };
      for (const proposal of proposals) for (const line of drawProposal(proposal)) print(line);
      if (proposals.length === 0) print(dim('none'));
    });
  retention
    .command('show <id>')
    .description('a proposal with what its simulation found; of a pruning under way, how far it is')
    .action(async (id: string) => show(await proposalOf(connect(options()), id)));
  retention
    .command('approve <id>')
    .description('let it happen, as another person than its proposer (another --client, --key)')
    .requiredOption('--digest <digest>', 'the digest that `retention show` printed: nothing else is approved')
    .action(async (id: string, { digest }: { digest: string }) => {
      const connection = connect(options());
      const path = `/proposals/${encodeURIComponent(id)}/approve`;
      const approved = (await call(connection, 'POST', path, 'retention:approve', { digest })) as ProposalView;
      const done = approved.status === 'approved' ? await follow(connection, id) : approved;
      for (const line of drawProposal(done)) print(line);
    });
  retention
    .command('reject <id>')
    .description('end it without effect')
    .requiredOption(...reasonOption)
    .action(async (id: string, { reason }: { reason: string }) => {
      const path = `/proposals/${encodeURIComponent(id)}/reject`;
      const answer = await call(connect(options()), 'POST', path, 'retention:approve', { reason });
      for (const line of drawProposal(answer as ProposalView)) print(line);
    });
}

function simulateCommands(retention: Command, options: () => ConnectionOptions): void {
  const simulate = retention
    .command('simulate')
    .description('find out what would go; nothing changes, and what was found can be proposed within a day');
  simulate
    .command('schedule')
    .description('another schedule')
    .requiredOption(
      '--presets <list>',
      'laws that bind the firm, with commas between them: sec-17a-4, cftc-1.31, mifir-25, own',
    )
    .option('--years <list>', 'the own years of the firm where they are more, e.g. transaction=7,authority=7')
    .action(async ({ presets, years }: { presets: string; years?: string }) => {
      await simulated(connect(options()), {
        kind: 'schedule',
        presets: presets.split(',').filter((name) => name !== ''),
        ...(years === undefined ? {} : { years: yearsOf(years) }),
      });
    });
  simulate
    .command('pruning <class>')
    .description('a pruning of one class: transaction, authority, access or operation')
    .option('--before <moment>', 'RFC 3339; as late as the schedule allows when left out')
    .action(async (name: string, { before }: { before?: string }) => {
      await simulated(connect(options()), {
        kind: 'pruning',
        class: name,
        ...(before === undefined ? {} : { before }),
      });
    });
}

async function simulated(connection: Connection, change: object): Promise<void> {
  const simulation = (await call(connection, 'POST', '/simulations', 'retention:propose', {
    change,
  })) as SimulationView;
  for (const line of drawSimulation(simulation)) print(line);
  print(`Propose it: countersign retention propose ${simulation.id} --reason <text>`);
}

function show(proposal: ProposalView): void {
  for (const line of drawSimulation(proposal.simulation)) print(line);
  for (const line of drawProposal(proposal)) print(line);
  const { id, status, digest, expiresAt, progress } = proposal;
  if (progress !== undefined) print(progressBar(progress, 'bodies looked at'));
  print(dim(`digest ${digest}, expires ${expiresAt}`));
  if (status === 'proposed')
    print(`Approve it as somebody else: countersign retention approve ${id} --digest ${digest}`);
}

async function proposalOf(connection: Connection, id: string): Promise<ProposalView> {
  return (await call(connection, 'GET', `/proposals/${encodeURIComponent(id)}`, 'retention:read')) as ProposalView;
}

/** Until it is done. It goes on without us: whoever breaks off here loses nothing but the sight of it. */
async function follow(connection: Connection, id: string): Promise<ProposalView> {
  const line = progressLine();
  for (;;) {
    const proposal = await proposalOf(connection, id);
    if (proposal.status !== 'approved') {
      if (proposal.pruned !== undefined) line.end(dim(`pruned: ${id}`));
      return proposal;
    }
    if (proposal.progress !== undefined) line.update(progressBar(proposal.progress, 'bodies looked at'));
    await pause(pollMs);
  }
}

function yearsOf(text: string): Years {
  return Object.fromEntries(
    text.split(',').map((part) => {
      const [, name, count] = /^([a-z]+)=([1-9]\d{0,2})$/.exec(part) ?? [];
      if (name !== undefined && count !== undefined) return [name, Number(count)];
      throw new CodedError({
        code: 'years_invalid',
        category: 'invalid',
        detail: '--years is a list like transaction=7,authority=7.',
      });
    }),
  );
}

function drawOverview({ schedule, dueBefore, presets, standingHolds }: Overview): void {
  print(`${bold(`version ${schedule.version}`)}  ${drawYears(schedule.years)}  ${dim(schedule.presets.join(', '))}`);
  for (const [name, moment] of Object.entries(dueBefore))
    print(`  ${name.padEnd(12)} may be pruned from before ${moment}`);
  print(dim(`${standingHolds} legal hold${standingHolds === 1 ? '' : 's'} stand${standingHolds === 1 ? 's' : ''}`));
  for (const { name, source, years } of presets) print(`  ${name.padEnd(12)} ${drawYears(years)}  ${dim(source)}`);
}
