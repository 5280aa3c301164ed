import { canonicalize } from '@countersign/kernel';
import type { Command } from 'commander';
import type { Schemas } from '../../api.ts';
import type { Connection } from '../../connection.ts';
import { bold, dim, green, print, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';

type Mandate = Schemas['Mandate'];
type Terms = Pick<Mandate, 'grantor' | 'grantee' | 'thirdParty' | 'constraints' | 'legalBasis' | 'termsHash'> &
  Pick<Mandate, 'effectiveFrom' | 'effectiveUntil'>;
type Consent = Mandate['consents'][number];

export function lineOf({ id, version, status, grantor, grantee, thirdParty }: Mandate): string {
  const others = thirdParty === undefined ? '' : ` / ${thirdParty.lei}`;
  return `${id}  v${version}  ${statusOf(status)} ${grantor.lei} -> ${grantee.lei}${others} ${dim(visible(grantee.role))}`;
}

export function statusOf(status: string): string {
  const padded = status.padEnd(9);
  if (status === 'active') return bold(green(padded));
  return bold(status === 'revoked' || status === 'expired' ? red(padded) : yellow(padded));
}

/** Prints a version after a step, with its outstanding consents. */
export function printStep(mandate: Mandate): void {
  print(lineOf(mandate));
  const { id, status, amendment, termsHash } = mandate;
  if (status === 'proposed') {
    print(dim(`waits for ${waitedFor(mandate, mandate.consents)}, who has seen the terms and accepts with`));
    print(dim(`\`countersign mandate accept ${id} --terms-hash ${termsHash}\`.`));
  }
  if (amendment === undefined) return;
  for (const line of drawDifferences(mandate, amendment.terms)) print(line);
  print(dim(`waits for ${waitedForAmendment(mandate)}, who agrees to exactly this with`));
  print(dim(`\`countersign mandate accept-amendment ${id} --terms-digest ${amendment.termsDigest}\`.`));
}

/** Outstanding consents: each party needs one signatory with sole authority, or two together. */
function waitedFor(terms: Terms, consents: readonly Consent[]): string {
  const waiting = partsOf(terms).filter(({ part, lei }) => !hasSpoken(consents, part, lei));
  return waiting.map(({ part, lei }) => `the ${part} ${lei}`).join(' and ');
}

function waitedForAmendment({ amendment, ...present }: Mandate): string {
  if (amendment === undefined) return '';
  const { terms, consents } = amendment;
  const incoming = partsOf(terms);
  // A change of counterparty also needs the consent of the party that leaves.
  const leaving = partsOf(present).filter(({ lei }) => incoming.every((other) => other.lei !== lei));
  const waiting = [...incoming, ...leaving].filter(({ part, lei }) => !hasSpoken(consents, part, lei));
  return waiting.map(({ part, lei }) => `the ${part} ${lei}`).join(' and ');
}

function partsOf({ grantor, grantee, thirdParty }: Terms): readonly { part: string; lei: string }[] {
  return [
    { part: 'grantor', lei: grantor.lei },
    { part: 'grantee', lei: grantee.lei },
    ...(thirdParty === undefined ? [] : [{ part: 'thirdParty', lei: thirdParty.lei }]),
  ];
}

function hasSpoken(consents: readonly Consent[], part: string, lei: string): boolean {
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

/** The changes of the terms: constraints one by one, other members one by one, in canonical form. */
export function drawDifferences(before: Terms, after: Terms): readonly string[] {
  const was: Readonly<Record<string, unknown>> = before.constraints;
  const is: Readonly<Record<string, unknown>> = after.constraints;
  const constraints = [...new Set([...Object.keys(was), ...Object.keys(is)])].sort();
  return [
    ...compared.flatMap((name) => difference(name, before[name], after[name])),
    ...constraints.flatMap((name) => difference(name, was[name], is[name])),
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
