import { systemClock, systemRandom } from '@countersign/kernel';
import type { Command } from 'commander';
import { readBody, request, type Schemas } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print, printBeside } from '../output.ts';
import { readJson } from '../read-json.ts';

type Options = () => ConnectionOptions;

/** Registered workloads: entries under dual control, and the agent that serves their certificates. */
export function workloadCommands(program: Command, options: Options): void {
  const workload = program.command('workload').description('registered workloads and their certificates (SPIFFE)');
  entryCommands(workload, options);
  proposalCommands(workload, options);
  agentCommands(workload, options);
}

function entryCommands(workload: Command, options: Options): void {
  workload
    .command('list')
    .description('registration entries')
    .action(async () => {
      const { entries } = await request(connect(options()), 'GET /workloads', { scope: 'workload:read' });
      for (const each of entries) drawEntry(each);
      if (entries.length === 0) print(dim('none'));
    });
  workload
    .command('show <entry>')
    .description('a registration entry, as JSON')
    .action(async (name: string) => {
      const inputs = { scope: 'workload:read', params: { name } } as const;
      print(JSON.stringify(await request(connect(options()), 'GET /workloads/{name}', inputs), null, 2));
    });
  workload
    .command('suspend <entry>')
    .description('stop a workload at once; two people must approve its entry again')
    .requiredOption('--reason <text>')
    .action(async (name: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'workload:suspend', params: { name }, body: { reason } } as const;
      drawEntry(await request(connect(options()), 'POST /workloads/{name}/suspend', inputs));
    });
}

function drawEntry({ name, status, spiffe_id: id, version, terms }: Schemas['WorkloadEntry']): void {
  print(`${name}  ${status}  ${id}  ${terms.profile}, version ${version}`);
}

function proposalCommands(workload: Command, options: Options): void {
  workload
    .command('propose <entry>')
    .description('propose a new entry, or other terms of one')
    .requiredOption('--terms <file>', 'JSON; see the guide on workloads')
    .requiredOption('--reason <text>')
    .action(async (entry: string, { terms, reason }: { readonly terms: string; readonly reason: string }) => {
      drawProposal(
        await request(connect(options()), 'POST /workloads/proposals', {
          scope: 'workload:propose',
          body: { entry, terms: readBody(terms, 'It contains the terms of the entry.'), reason },
        }),
      );
    });
  workload
    .command('proposals')
    .description('proposals of entries, newest first')
    .option('--status <status>', 'proposed, approved, rejected or expired')
    .action(async ({ status }: { readonly status?: string }) => {
      const inputs = { scope: 'workload:read', query: { status } } as const;
      const { proposals } = await request(connect(options()), 'GET /workloads/proposals', inputs);
      for (const each of proposals) drawProposal(each);
      if (proposals.length === 0) print(dim('none'));
    });
  workload
    .command('approve <proposal>')
    .description(
      "approve a proposal, as somebody other than its proposer (--client countersign-approver and that client's --key)",
    )
    .requiredOption('--digest <digest>', 'of what you read')
    .action(async (id: string, { digest }: { readonly digest: string }) => {
      const inputs = { scope: 'workload:approve', params: { id }, body: { digest } } as const;
      drawProposal(await request(connect(options()), 'POST /workloads/proposals/{id}/approve', inputs));
    });
  workload
    .command('reject <proposal>')
    .requiredOption('--reason <text>')
    .description('reject a proposal')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'workload:approve', params: { id }, body: { reason } } as const;
      drawProposal(await request(connect(options()), 'POST /workloads/proposals/{id}/reject', inputs));
    });
}

function drawProposal(proposal: Schemas['WorkloadProposal']): void {
  const { id, entry, status, proposed_by: by, reason, digest, terms } = proposal;
  print(`${id}  ${status}  ${entry}: ${terms.holder}, ${terms.profile}`);
  print(dim(`  by ${by.id}: ${reason}`));
  print(dim(`  digest ${digest}`));
}

interface RunFlags {
  readonly entry: string;
  readonly environment: string;
  readonly scripts?: string;
  readonly lockFile?: string;
  readonly configuration?: string;
}

function agentCommands(workload: Command, options: Options): void {
  workload
    .command('digest <path>')
    .description('the SHA-256 of a file or a folder, as entries and the launcher use it')
    .action(async (path: string) => {
      const { digestTree } = await import('@countersign/workload-agent');
      print(await digestTree(path));
    });
  workload
    .command('agent')
    .description('serve the certificates of workloads that others start: systemd units, pods, CI jobs')
    .requiredOption('--config <file>', 'JSON; see the guide on workloads')
    .action(async ({ config }: { readonly config: string }) => {
      const { createAttesterDoor, readAgentSettings, startAgent } = await import('@countersign/workload-agent');
      const { issuer, client } = connect(options());
      const agent = await startAgent({
        settings: readAgentSettings(readJson(config, 'It is the configuration of the agent.')),
        door: createAttesterDoor({ issuer, client, clock: systemClock }),
        clock: systemClock,
        random: systemRandom,
        note: (text, facts) => printBeside(dim(`${text} ${JSON.stringify(facts)}`)),
      });
      for (const address of agent.addresses) print(address);
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void agent.stop());
    });
  workload
    .command('run')
    .description('measure a program, obtain its certificate, and start it with a Workload API socket of its own')
    .requiredOption('--entry <name>', 'registration entry')
    .option('--environment <name>', 'of this machine', 'production')
    .option('--scripts <path>', 'file or folder that an interpreter runs')
    .option('--lock-file <file>', 'lock file of its packages')
    .option('--configuration <path>', 'file or folder with its configuration')
    .argument('<command...>', 'after --')
    .action(async (command: readonly string[], { entry, environment, scripts, lockFile, configuration }: RunFlags) => {
      const { createAttesterDoor, findExecutable, launch } = await import('@countersign/workload-agent');
      const { issuer, client } = connect(options());
      const [program = ''] = command;
      const launched = await launch({
        ...{ entry, command, environment },
        executable: findExecutable(program),
        ...(scripts === undefined ? {} : { scripts }),
        ...(lockFile === undefined ? {} : { lockFile }),
        ...(configuration === undefined ? {} : { configuration }),
        door: createAttesterDoor({ issuer, client, clock: systemClock }),
        clock: systemClock,
        random: systemRandom,
        note: (text, facts) => printBeside(dim(`${text} ${JSON.stringify(facts)}`)),
      });
      for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => launched.child.kill(signal));
      process.exitCode = await launched.ended;
    });
}
