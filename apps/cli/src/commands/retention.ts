import { setTimeout as pause } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { request, type Schemas, type Sendable } from '../api.ts';
import { type Connection, type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, print, progressLine } from '../output.ts';
import { progressBar } from './policy/progress-bar.ts';
import { drawProposal, drawSimulation, drawYears } from './retention/draw.ts';

const reasonOption = ['--reason <text>', 'why; it is recorded'] as const;
const pollMs = 500;

/** Retention periods, simulations and pruning. Changes need two people. */
export function retentionCommands(program: Command, options: () => ConnectionOptions): void {
  const retention = program.command('retention').description('how long evidence is kept, and its pruning afterwards');
  retention
    .command('schedule')
    .description('the schedule in force, and what each law requires')
    .action(async () => {
      drawOverview(await request(connect(options()), 'GET /retention', { scope: 'retention:read' }));
    });
  simulateCommands(retention, options);
  retention
    .command('propose <simulation>')
    .description('propose what was simulated; somebody else approves it')
    .requiredOption(...reasonOption)
    .action(async (simulation: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'retention:propose', body: { simulation, reason } } as const;
      show(await request(connect(options()), 'POST /retention/proposals', inputs));
    });
  retention
    .command('list')
    .description('the newest hundred proposals, newest first')
    .option('--status <status>', 'proposed, approved, rejected, completed or expired')
    .action(async ({ status }: { status?: string }) => {
      const inputs = { scope: 'retention:read', query: { status } } as const;
      const { proposals } = await request(connect(options()), 'GET /retention/proposals', inputs);
      for (const proposal of proposals) for (const line of drawProposal(proposal)) print(line);
      if (proposals.length === 0) print(dim('none'));
    });
  retention
    .command('show <id>')
    .description('a proposal with what its simulation found; of a pruning under way, how far it is')
    .action(async (id: string) => show(await proposalOf(connect(options()), id)));
  retention
    .command('approve <id>')
    .description('approve it, as a person other than the proposer (another --client, --key)')
    .requiredOption('--digest <digest>', 'the digest that `retention show` printed: nothing else is approved')
    .action(async (id: string, { digest }: { digest: string }) => {
      const connection = connect(options());
      const inputs = { scope: 'retention:approve', params: { id }, body: { digest } } as const;
      const approved = await request(connection, 'POST /retention/proposals/{id}/approve', inputs);
      const done = approved.status === 'approved' ? await follow(connection, id) : approved;
      for (const line of drawProposal(done)) print(line);
    });
  retention
    .command('reject <id>')
    .description('reject it: nothing changes')
    .requiredOption(...reasonOption)
    .action(async (id: string, { reason }: { reason: string }) => {
      const inputs = { scope: 'retention:approve', params: { id }, body: { reason } } as const;
      const rejected = await request(connect(options()), 'POST /retention/proposals/{id}/reject', inputs);
      for (const line of drawProposal(rejected)) print(line);
    });
}

function simulateCommands(retention: Command, options: () => ConnectionOptions): void {
  const simulate = retention
    .command('simulate')
    .description('show what would be pruned; nothing changes, and the result can be proposed within a day');
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
        years: years === undefined ? undefined : yearsOf(years),
      });
    });
  simulate
    .command('pruning <class>')
    .description('a pruning of one class: transaction, authority, access or operation')
    .option('--before <moment>', 'RFC 3339; as late as the schedule allows when left out')
    .action(async (name: string, { before }: { before?: string }) => {
      await simulated(connect(options()), { kind: 'pruning', class: name, before });
    });
}

type Change = Sendable<Schemas['WantedRetentionChange']>;

async function simulated(connection: Connection, change: Change): Promise<void> {
  const inputs = { scope: 'retention:propose', body: { change } } as const;
  const simulation = await request(connection, 'POST /retention/simulations', inputs);
  for (const line of drawSimulation(simulation)) print(line);
  print(`Propose it: countersign retention propose ${simulation.id} --reason <text>`);
}

function show(proposal: Schemas['RetentionProposal']): void {
  for (const line of drawSimulation(proposal.simulation)) print(line);
  for (const line of drawProposal(proposal)) print(line);
  const { id, status, digest, expiresAt, progress } = proposal;
  if (progress !== undefined) print(progressBar(progress, 'bodies looked at'));
  print(dim(`digest ${digest}, expires ${expiresAt}`));
  if (status === 'proposed')
    print(`Approve it as another person: countersign retention approve ${id} --digest ${digest}`);
}

async function proposalOf(connection: Connection, id: string): Promise<Schemas['RetentionProposal']> {
  return request(connection, 'GET /retention/proposals/{id}', { scope: 'retention:read', params: { id } });
}

/** Reports progress until the work is done. The server continues if the command is interrupted. */
async function follow(connection: Connection, id: string): Promise<Schemas['RetentionProposal']> {
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

function yearsOf(text: string): Readonly<Record<string, number>> {
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

function drawOverview({ schedule, dueBefore, presets, activeHolds }: Schemas['Retention']): void {
  print(`${bold(`version ${schedule.version}`)}  ${drawYears(schedule.years)}  ${dim(schedule.presets.join(', '))}`);
  for (const [name, moment] of Object.entries(dueBefore))
    print(`  ${name.padEnd(12)} may be pruned from before ${moment}`);
  print(dim(`${activeHolds} active legal hold${activeHolds === 1 ? '' : 's'}`));
  for (const { name, source, years } of presets) print(`  ${name.padEnd(12)} ${drawYears(years)}  ${dim(source)}`);
}
