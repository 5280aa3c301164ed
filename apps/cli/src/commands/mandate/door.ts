import { canonicalize } from '@countersign/kernel';
import type { Command } from 'commander';
import type { Connection } from '../../connection.ts';
import { bold, dim, green, print, red, yellow } from '../../output.ts';
import { visible } from '../policy/visible.ts';

interface PartyView {
  readonly lei: string;
  readonly role: string;
}

interface ConsentView {
  readonly part: string;
  readonly lei: string;
  readonly signatory: string;
  readonly authority: string;
}

/** What parties of a mandate agree on. */
export interface TermsView {
  readonly kind?: string;
  readonly grantor: PartyView;
  readonly grantee: PartyView;
  readonly thirdParty?: PartyView;
  readonly parent?: { readonly id: string; readonly version: number };
  readonly constraints: Readonly<Record<string, unknown>>;
  readonly legalBasis: Readonly<Record<string, unknown>>;
  readonly termsHash: string;
  readonly effectiveFrom: string;
  readonly effectiveUntil: string;
}

/** A version of a mandate as the interface shows it. */
export interface MandateView extends TermsView {
  readonly id: string;
  readonly version: number;
  readonly status: string;
  readonly consents?: readonly ConsentView[];
  readonly amendment?: {
    readonly kind: string;
    readonly terms: TermsView;
    readonly termsDigest: string;
    readonly consents: readonly ConsentView[];
  };
  readonly recordedAt: string;
  readonly digest: string;
}

type MandateScope = 'mandate:grant' | 'mandate:revoke' | 'mandate:read';

/** Calls the consent store with a token of the one scope that the call needs. */
export async function callMandates(
  { issuer, client, token }: Connection,
  request: {
    readonly method: 'GET' | 'POST';
    /** Below `/mandates`. */
    readonly path?: string;
    readonly scope: MandateScope;
    readonly body?: unknown;
    readonly idempotencyKey?: string;
  },
): Promise<unknown> {
  const { method, path = '', scope, body, idempotencyKey } = request;
  return client.callOrThrow(await token('mandates', scope), {
    method,
    url: `${issuer}/mandates${path}`,
    ...(body === undefined ? {} : { body }),
    ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  });
}

export const pathOf = (id: string, step = ''): string => `/${encodeURIComponent(id)}${step}`;

/** One mandate, one line. */
export function lineOf({ id, version, status, grantor, grantee, thirdParty }: MandateView): string {
  const others = thirdParty === undefined ? '' : ` / ${thirdParty.lei}`;
  return `${id}  v${version}  ${statusOf(status)} ${grantor.lei} -> ${grantee.lei}${others} ${dim(visible(grantee.role))}`;
}

export function statusOf(status: string): string {
  const padded = status.padEnd(9);
  if (status === 'active') return bold(green(padded));
  return bold(status === 'revoked' || status === 'expired' ? red(padded) : yellow(padded));
}

/** A version after a step, with what is waited for. */
export function printStep(answer: unknown): void {
  const mandate = answer as MandateView;
  print(lineOf(mandate));
  const { id, status, amendment, termsHash } = mandate;
  if (status === 'proposed') {
    print(dim(`waits for ${waitedFor(mandate, mandate.consents ?? [])}, who has seen the terms and accepts with`));
    print(dim(`\`countersign mandate accept ${id} --terms-hash ${termsHash}\`.`));
  }
  if (amendment === undefined) return;
  for (const line of drawDifferences(mandate, amendment.terms)) print(line);
  print(dim(`waits for ${waitedForAmendment(mandate)}, who agrees to exactly this with`));
  print(dim(`\`countersign mandate accept-amendment ${id} --terms-digest ${amendment.termsDigest}\`.`));
}

/** Whose consent is still wanted: a part speaks by one who binds alone, or by two together. */
function waitedFor(terms: TermsView, consents: readonly ConsentView[]): string {
  const waiting = partsOf(terms).filter(({ part, lei }) => !hasSpoken(consents, part, lei));
  return waiting.map(({ part, lei }) => `the ${part} ${lei}`).join(' and ');
}

function waitedForAmendment({ amendment, ...present }: MandateView): string {
  if (amendment === undefined) return '';
  const { terms, consents } = amendment;
  const incoming = partsOf(terms);
  // With a change of counterparty the one that leaves consents too.
  const leaving = partsOf(present).filter(({ lei }) => incoming.every((other) => other.lei !== lei));
  const waiting = [...incoming, ...leaving].filter(({ part, lei }) => !hasSpoken(consents, part, lei));
  return waiting.map(({ part, lei }) => `the ${part} ${lei}`).join(' and ');
}

function partsOf({ grantor, grantee, thirdParty }: TermsView): readonly { part: string; lei: string }[] {
  return [
    { part: 'grantor', lei: grantor.lei },
    { part: 'grantee', lei: grantee.lei },
    ...(thirdParty === undefined ? [] : [{ part: 'thirdParty', lei: thirdParty.lei }]),
  ];
}

function hasSpoken(consents: readonly ConsentView[], part: string, lei: string): boolean {
  const theirs = consents.filter((consent) => consent.part === part && consent.lei === lei);
  return theirs.some(({ authority }) => authority === 'sole') || theirs.length > 1;
}

const compared = [
  'grantor',
  'grantee',
  'thirdParty',
  'legalBasis',
  'termsHash',
  'effectiveFrom',
  'effectiveUntil',
] as const;

/** From what to what terms would change: constraints one by one, the rest member by member, in the canonical form. */
export function drawDifferences(before: TermsView, after: TermsView): readonly string[] {
  const constraints = [...new Set([...Object.keys(before.constraints), ...Object.keys(after.constraints)])].sort();
  return [
    ...compared.flatMap((name) => difference(name, before[name], after[name])),
    ...constraints.flatMap((name) => difference(name, before.constraints[name], after.constraints[name])),
  ];
}

function difference(name: string, before: unknown, after: unknown): readonly string[] {
  const [was, is] = [before, after].map((value) => (value === undefined ? undefined : canonicalize(value)));
  if (was === is) return [];
  return [
    ...(was === undefined ? [] : [red(`  - ${name}  ${visible(was)}`)]),
    ...(is === undefined ? [] : [green(`  + ${name}  ${visible(is)}`)]),
  ];
}

/** The group of commands that a file of this folder adds to. */
export type AddCommands = (mandate: Command, connection: () => Connection) => void;
