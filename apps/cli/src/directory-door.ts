import { CodedError, isCodedError } from '@countersign/kernel';
import { type FileContent, type Inputs, request, type Schemas } from './api.ts';
import type { Connection } from './connection.ts';
import { bold, dim, green, print, red, yellow } from './output.ts';

export type ChangeLine = Schemas['DirectoryChange'];
/** A change that awaits its second approver, as the interface returns it. */
export type ChangeRequest = Schemas['DirectoryChangeRequest'];

/** Records findings or reference data, and prints whether they took effect or await a second approver. */
export async function record(
  connection: Connection,
  list: 'findings' | 'instruments' | 'rates',
  entries: FileContent,
  reason: string,
): Promise<void> {
  const answer = await {
    findings: () =>
      request(connection, 'POST /directory/findings', {
        scope: 'compliance:record',
        body: { findings: entries, reason },
      }),
    instruments: () =>
      request(connection, 'POST /directory/instruments', {
        scope: 'reference:record',
        body: { instruments: entries, reason },
      }),
    rates: () =>
      request(connection, 'POST /directory/rates', { scope: 'reference:record', body: { rates: entries, reason } }),
  }[list]();
  if (isRequest(answer)) printProposed(answer);
  else printChanged(answer, 'recorded');
}

/** Whether the answer is a change that awaits a second approver. */
export function isRequest(answer: object): answer is ChangeRequest {
  return 'digest' in answer;
}

type Proposal = Omit<Exclude<Inputs<'POST /directory/changes'>['body'], FileContent>, 'reason'>;

/**
 * Makes a change, or proposes it if a reason is given.
 *
 * @throws CodedError `second_person_required` with the next step, if the change needs dual control
 */
export async function makeOrPropose(
  connection: Connection,
  change: {
    readonly make: () => Promise<Schemas['DirectoryChanges']>;
    readonly proposal: Proposal;
    readonly reason: string | undefined;
  },
): Promise<void> {
  if (change.reason === undefined) return printChanged(await change.make().catch(withAdvice));
  const body = { reason: change.reason, ...change.proposal };
  printProposed(await request(connection, 'POST /directory/changes', { scope: 'directory:apply', body }));
}

/** Prints the pending change and what the second approver must do. */
export function printProposed(request: ChangeRequest): void {
  for (const line of request.changes) print(describe(line));
  print(`${bold(request.id)}  ${yellow('waits for a second person')}  ${dim(`until ${request.expiresAt}`)}`);
  print(dim(`They look at it with \`countersign change show ${request.id}\` and approve it with`));
  print(dim(`\`countersign change approve ${request.id} --digest ${request.digest}\`.`));
}

function withAdvice(error: unknown): never {
  if (!isCodedError(error, 'second_person_required')) throw error;
  const { code, category, facts } = error;
  throw new CodedError({
    code,
    category,
    detail:
      `This ${describeDualControl(facts)} and takes a second person. ` +
      'Run the same command with --propose REASON; somebody else then approves it with `countersign change approve`.',
    ...(facts === undefined ? {} : { facts }),
    cause: error,
  });
}

function describeDualControl(facts: CodedError['facts']): string {
  const grants = facts?.['grants'];
  const clients = 'touches a client of the environment production';
  if (!Array.isArray(grants)) return clients;
  const names = grants.map((grant: { readonly principal?: unknown }) => String(grant.principal));
  const powers = `gives the power to approve, sign or govern (${[...new Set(names)].slice(0, 5).join(', ')})`;
  return facts?.['clients'] === undefined ? powers : `${clients}, ${powers}`;
}

export function printChanged(
  { changes, version }: { readonly changes: readonly ChangeLine[]; readonly version?: number },
  done = 'changed',
): void {
  for (const line of changes) print(describe(line));
  const at = version === undefined ? '' : `; directory version ${version}`;
  print(dim(changes.length === 0 ? 'nothing differs' : `${changes.length} ${done}${at}`));
}

export function describe({ change, kind, id, fields }: Omit<ChangeLine, 'kind'> & { readonly kind: string }): string {
  const sign = change === 'add' ? green('+') : change === 'remove' ? red('-') : yellow('~');
  return `${sign} ${kind.padEnd(12)} ${id}${fields === undefined ? '' : dim(`  ${fields.join(', ')}`)}`;
}
