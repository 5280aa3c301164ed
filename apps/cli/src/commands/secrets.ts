import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError, isObject } from '@countersign/kernel';
import type { Command } from 'commander';
import { type Answer, type Caller, FileContent, readBody, request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';

type Lease = Answer<'POST /secrets/leases'>;
type ListedLease = Answer<'GET /secrets/leases'>['leases'][number];
type Proposal = Answer<'GET /secrets/proposals'>['proposals'][number];

const lineOf = ({ lease, status, role, holder, username, expires_at: until }: ListedLease): string =>
  `${lease}  ${status.padEnd(11)} ${role.padEnd(17)} ${holder}  ${dim(`${username}, until ${until}`)}`;

function drawProposal({
  id,
  kind,
  name,
  change,
  status,
  proposed_by: by,
  reason,
  digest,
  ...proposal
}: Proposal): void {
  print(`${id}  ${status}  ${change} ${kind} ${name}`);
  if (proposal.holders.length > 0) print(dim(`  for ${proposal.holders.join(', ')}`));
  print(dim(`  by ${by.id}: ${reason}`));
  print(dim(`  digest ${digest}`));
  if (proposal.public_key !== undefined) print(proposal.public_key.trimEnd());
}

/** Leased credentials, secrets, and keys of venues. */
export function secretsCommands(program: Command, options: () => ConnectionOptions): void {
  const secrets = program.command('secrets').description('database credentials and secrets on demand, keys of venues');
  leaseCommands(secrets, options);
  definitionCommands(secrets, options);
  decisionCommands(secrets, options);
}

function leaseCommands(secrets: Command, options: () => ConnectionOptions): void {
  secrets
    .command('run <role> <command...>')
    .description('run a command with a leased credential in PGHOST, PGUSER and so on; it ends with the command')
    .passThroughOptions()
    .action(async (role: string, command: readonly string[]) => {
      process.exitCode = await runLeased(connect(options()), role, command);
    });
  secrets
    .command('lease <role>')
    .description('lease a credential and print it as JSON; asked again, the same one')
    .action(async (role: string) => {
      const inputs = { scope: 'secret:use', body: { role } } as const;
      print(JSON.stringify(await request(connect(options()), 'POST /secrets/leases', inputs), null, 2));
    });
  secrets
    .command('leases')
    .description('leases, newest first')
    .option('--role <role>')
    .option('--status <status>', 'active, ending, ended or irrevocable')
    .action(async ({ role, status }: { readonly role?: string; readonly status?: string }) => {
      const inputs = { scope: 'secret:read', query: { role, status } } as const;
      const { leases } = await request(connect(options()), 'GET /secrets/leases', inputs);
      for (const each of leases) print(lineOf(each));
      if (leases.length === 0) print(dim('none'));
    });
  secrets
    .command('renew <lease>')
    .description('move the end of a lease of your own')
    .action(async (id: string) => {
      const inputs = { scope: 'secret:use', params: { id } } as const;
      print(lineOf(await request(connect(options()), 'POST /secrets/leases/{id}/renew', inputs)));
    });
  secrets
    .command('release <lease>')
    .description('give a lease of your own back')
    .action(async (id: string) => {
      const inputs = { scope: 'secret:use', params: { id } } as const;
      print(lineOf(await request(connect(options()), 'POST /secrets/leases/{id}/release', inputs)));
    });
  secrets
    .command('revoke <lease>')
    .description('end a lease and the sessions under it')
    .action(async (id: string) => {
      const inputs = { scope: 'secret:revoke', params: { id } } as const;
      print(lineOf(await request(connect(options()), 'POST /secrets/leases/{id}/revoke', inputs)));
    });
  secrets
    .command('read <name>')
    .description('print the value of a secret')
    .option('--version <number>', 'an earlier one', Number)
    .action(async (name: string, { version }: { readonly version?: number }) => {
      const inputs = { scope: 'secret:use', params: { name }, query: { version } } as const;
      print((await request(connect(options()), 'POST /secrets/values/{name}/read', inputs)).value);
    });
}

function definitionCommands(secrets: Command, options: () => ConnectionOptions): void {
  secrets
    .command('list')
    .description('what may be used: roles, secrets and keys of venues')
    .action(async () => {
      const { definitions } = await request(connect(options()), 'GET /secrets/definitions', { scope: 'secret:read' });
      for (const { kind, name, version, holders } of definitions)
        print(`${kind.padEnd(9)} ${name.padEnd(20)} v${version}  ${dim(holders.join(', '))}`);
      if (definitions.length === 0) print(dim('none'));
    });
  secrets
    .command('propose-role <file>')
    .description('propose a database role to lease (JSON: name, holders, role, reason); another person approves it')
    .action(async (file: string) => {
      const body = readBody(file, 'It has name, holders, role and reason.');
      const inputs = { scope: 'secret:propose', body } as const;
      drawProposal(await request(connect(options()), 'POST /secrets/roles/proposals', inputs));
    });
  secrets
    .command('propose-value <name>')
    .description('propose a secret or its next version; another person approves it')
    .requiredOption('--file <file>', 'with the value; a line break at its end is not part of it')
    .requiredOption('--holder <principal...>', 'who may read it')
    .requiredOption('--reason <text>', 'recorded')
    .action(
      async (
        name: string,
        flags: { readonly file: string; readonly holder: readonly string[]; readonly reason: string },
      ) => {
        const value = readFileSync(flags.file, 'utf8').replace(/\r?\n$/, '');
        const inputs = {
          scope: 'secret:propose',
          body: { name, holders: flags.holder, value, reason: flags.reason },
        } as const;
        drawProposal(await request(connect(options()), 'POST /secrets/values/proposals', inputs));
      },
    );
  secrets
    .command('propose-venue-key <file>')
    .description(
      'propose a key of a trading venue (JSON: name, holders, venue_key, reason); without a value it is made here',
    )
    .option('--value-file <file>', 'of a key that the venue made: its secret, or PEM')
    .action(async (file: string, { valueFile }: { readonly valueFile?: string }) => {
      const { value: body } = readBody(file, 'It has name, holders, venue_key and reason.');
      const value = valueFile === undefined ? {} : { value: readFileSync(valueFile, 'utf8').trimEnd() };
      drawProposal(
        await request(connect(options()), 'POST /secrets/venue-keys/proposals', {
          scope: 'secret:propose',
          body: new FileContent(isObject(body) ? { ...body, ...value } : body),
        }),
      );
    });
  secrets
    .command('remove <kind> <name>')
    .description('propose the removal of one of roles, values or venue-keys; another person approves it')
    .requiredOption('--reason <text>', 'recorded')
    .action(async (kind: string, name: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'secret:propose', params: { kind, name }, body: { reason } } as const;
      drawProposal(await request(connect(options()), 'POST /secrets/{kind}/{name}/removal', inputs));
    });
}

function decisionCommands(secrets: Command, options: () => ConnectionOptions): void {
  secrets
    .command('proposals')
    .description('proposals about roles, secrets and keys of venues')
    .action(async () => {
      const inputs = { scope: 'secret:read', query: {} } as const;
      const { proposals } = await request(connect(options()), 'GET /secrets/proposals', inputs);
      for (const each of proposals) drawProposal(each);
      if (proposals.length === 0) print(dim('none'));
    });
  secrets
    .command('approve <id>')
    .description('approve a proposal, as another person than the proposer (another --client, --key)')
    .requiredOption('--digest <digest>', 'of the proposal that you have read')
    .action(async (id: string, { digest }: { readonly digest: string }) => {
      const inputs = { scope: 'secret:approve', params: { id }, body: { digest } } as const;
      drawProposal(await request(connect(options()), 'POST /secrets/proposals/{id}/approve', inputs));
    });
  secrets
    .command('reject <id>')
    .description('reject a proposal')
    .requiredOption('--reason <text>', 'recorded')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'secret:approve', params: { id }, body: { reason } } as const;
      drawProposal(await request(connect(options()), 'POST /secrets/proposals/{id}/reject', inputs));
    });
}

/**
 * Runs a command with a credential in its environment, and in no file and no argument. The lease is renewed while the command runs
 * and given back when it ends.
 *
 * @returns its exit code
 */
async function runLeased(caller: Caller, role: string, [program = '', ...words]: readonly string[]): Promise<number> {
  const lease: Lease = await request(caller, 'POST /secrets/leases', { scope: 'secret:use', body: { role } });
  const child = spawn(program, words, {
    stdio: 'inherit',
    env: {
      ...process.env,
      PGHOST: lease.host,
      PGPORT: String(lease.port),
      PGDATABASE: lease.database_name,
      PGUSER: lease.username,
      PGPASSWORD: lease.password,
    },
  });
  const stopping = new AbortController();
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', () =>
      reject(
        new CodedError({
          code: 'command_not_started',
          category: 'invalid',
          detail: `${program} could not be started.`,
        }),
      ),
    );
    child.once('exit', (code, signal) => resolve(code ?? (signal === null ? 1 : 130)));
  });
  const pass = (signal: NodeJS.Signals): void => void child.kill(signal);
  process.on('SIGINT', pass).on('SIGTERM', pass);
  try {
    void renewUntil(stopping.signal, caller, lease);
    return await ended;
  } finally {
    stopping.abort();
    process.off('SIGINT', pass).off('SIGTERM', pass);
    await request(caller, 'POST /secrets/leases/{id}/release', { scope: 'secret:use', params: { id: lease.lease } });
  }
}

/** Renews at two thirds of the time that is left; a refusal ends the renewing, and the credential with its time. */
async function renewUntil(signal: AbortSignal, caller: Caller, lease: Lease): Promise<void> {
  let until = Date.parse(lease.expires_at);
  try {
    while (!signal.aborted) {
      await sleep(Math.max(((until - Date.now()) * 2) / 3, 1_000), undefined, { signal, ref: false });
      const inputs = { scope: 'secret:use', params: { id: lease.lease } } as const;
      const renewed = await request(caller, 'POST /secrets/leases/{id}/renew', inputs);
      const next = Date.parse(renewed.expires_at);
      if (next <= until) return;
      until = next;
    }
  } catch (error) {
    if (!signal.aborted) print(dim(`The lease was not renewed: ${error instanceof Error ? error.message : 'refused'}`));
  }
}
