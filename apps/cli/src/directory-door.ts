import { CodedError, isCodedError } from '@countersign/kernel';
import type { Connection } from './connection.ts';
import { bold, dim, green, print, red, yellow } from './output.ts';

export interface ChangeLine {
  readonly change: 'add' | 'change' | 'remove';
  readonly kind: string;
  readonly id: string;
  readonly fields?: readonly string[];
}

/** A change that waits for its second person, as the interface shows it. */
export interface ChangeRequest {
  readonly id: string;
  readonly status: string;
  readonly proposedBy: string;
  readonly decidedBy?: string;
  readonly expiresAt: string;
  readonly reason: string;
  readonly changes: readonly ChangeLine[];
  readonly digest: string;
}

type DirectoryScope =
  | 'directory:apply'
  | 'directory:approve'
  | 'directory:read'
  | 'compliance:record'
  | 'reference:record';

/** Calls the directory with a token of the one scope that the call needs. */
export async function call(
  { issuer, client, token }: Connection,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  scope: DirectoryScope = 'directory:read',
  body?: unknown,
): Promise<unknown> {
  return client.callOrThrow(await token('directory', scope), {
    method,
    url: `${issuer}/directory/${path}`,
    ...(body === undefined ? {} : { body }),
  });
}

/** Records findings or reference data, and prints whether they took effect or wait for a second person. */
export async function record(
  connection: Connection,
  list: 'findings' | 'instruments' | 'rates',
  entries: unknown,
  reason: string,
): Promise<void> {
  const scope = list === 'findings' ? 'compliance:record' : 'reference:record';
  const answer = await call(connection, 'POST', list, scope, { [list]: entries, reason });
  if (isRequest(answer)) printProposed(answer);
  else printChanged(answer, 'recorded');
}

/** Whether what was sent waits for a second person. */
export function isRequest(answer: unknown): answer is ChangeRequest {
  return typeof answer === 'object' && answer !== null && 'digest' in answer;
}

/** What can be proposed instead of being made at once. */
export type Proposable = { readonly file: unknown; readonly prune: boolean } | { readonly edit: unknown };

/**
 * Makes a change, or proposes it where a reason is given.
 *
 * @throws CodedError `second_person_required`, saying how to go on, when the change takes two people
 */
export async function makeOrPropose(
  connection: Connection,
  change: { readonly make: () => Promise<unknown>; readonly proposal: Proposable; readonly reason: string | undefined },
): Promise<void> {
  if (change.reason === undefined) return printChanged(await change.make().catch(withAdvice));
  const body = { reason: change.reason, ...change.proposal };
  printProposed((await call(connection, 'POST', 'changes', 'directory:apply', body)) as ChangeRequest);
}

/** What waits for a second person, and what that one does. */
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
      `This ${whatTakesTwo(facts)} and takes a second person. ` +
      'Run the same command with --propose REASON; somebody else then approves it with `countersign change approve`.',
    ...(facts === undefined ? {} : { facts }),
    cause: error,
  });
}

function whatTakesTwo(facts: CodedError['facts']): string {
  const grants = facts?.['grants'];
  const clients = 'touches a client of the environment production';
  if (!Array.isArray(grants)) return clients;
  const names = grants.map((grant: { readonly principal?: unknown }) => String(grant.principal));
  const powers = `gives the power to approve, sign or govern (${[...new Set(names)].slice(0, 5).join(', ')})`;
  return facts?.['clients'] === undefined ? powers : `${clients}, ${powers}`;
}

export function printChanged(answer: unknown, done = 'changed'): void {
  const { changes, version } = answer as { changes: readonly ChangeLine[]; version?: number };
  for (const line of changes) print(describe(line));
  const at = version === undefined ? '' : `; directory version ${version}`;
  print(dim(changes.length === 0 ? 'nothing differs' : `${changes.length} ${done}${at}`));
}

export function describe({ change, kind, id, fields }: ChangeLine): string {
  const sign = change === 'add' ? green('+') : change === 'remove' ? red('-') : yellow('~');
  return `${sign} ${kind.padEnd(12)} ${id}${fields === undefined ? '' : dim(`  ${fields.join(', ')}`)}`;
}
