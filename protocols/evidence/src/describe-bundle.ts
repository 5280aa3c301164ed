import type { EvidenceBundle } from './bundle.ts';
import { type Leaf, layOut } from './evidence.ts';
import type { Facts } from './facts.ts';
import type { BundledRecord } from './record.ts';

/**
 * The bundle as a timeline for people, one line a record in the order of the log. It verifies nothing: show it
 * beside the outcome of `verifyBundle`. Control characters in what records hold are shown escaped, so that a
 * record cannot draw on the reader's terminal.
 */
export function describeBundle(bundle: EvidenceBundle): readonly string[] {
  return layOut(bundle, {}).leaves.map((leaf) =>
    describeLeaf(leaf).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter),
  );
}

function describeLeaf({ index, id, reading }: Leaf): string {
  if (!reading.ok) return `#${index}  ${id ?? 'a record without id'} cannot be read: ${reading.problem}`;
  const { record } = reading;
  const parts = [
    record.time,
    `#${index}`,
    record.type,
    record.outcome,
    whoOf(record),
    whatOf(record),
    `[${record.id}]`,
  ];
  return parts.filter((part) => part !== '').join('  ');
}

function whoOf({ subject, institution, actors, client, source }: BundledRecord): string {
  if (subject === undefined) return client === undefined ? `by ${source}` : `by client ${client}`;
  const through = actors.length === 0 ? '' : ` through ${actors.join(' through ')}`;
  return `${subject}${institution === undefined ? '' : ` of ${institution}`}${through}`;
}

function whatOf({ facts, reason, audience, mandate }: BundledRecord): string {
  const under = mandate === undefined ? '' : ` under ${mandate.id} version ${mandate.version}`;
  const because = reason === undefined ? '' : ` (${reason})`;
  return `${describeFacts(facts, audience)}${under}${because}`.trim();
}

function describeFacts(facts: Facts, audience: readonly string[]): string {
  switch (facts.kind) {
    case 'transaction.transitioned':
      return `${facts.event}: ${facts.from} to ${facts.to}, version ${facts.version}`;
    case 'token.issued':
    case 'token.exchanged':
      return `${facts.claims.scope.join(' ')} for ${audience.join(' ')}`;
    case 'mandate':
      return `${facts.mandate.id} version ${facts.mandate.version} is ${facts.mandate.status}`;
    case 'policy.published':
      return `policy version ${facts.version}`;
    case 'evidence.exported':
      return `${facts.records.length} records listed`;
    default:
      return '';
  }
}

function escapeCharacter(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
