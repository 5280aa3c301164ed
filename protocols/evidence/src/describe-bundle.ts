import type { EvidenceBundle } from './bundle.ts';
import { layOut } from './evidence.ts';
import type { Facts } from './facts.ts';
import type { BundledRecord } from './record.ts';

/** For people. Control characters are escaped, so that a record cannot write to a terminal. */
export interface TimelineEntry {
  readonly index: string;
  readonly id?: string;
  /** RFC 3339. These members are absent for an unreadable or pruned record. */
  readonly time?: string;
  readonly type?: string;
  readonly outcome?: 'permit' | 'deny' | 'done';
  readonly who: string;
  /** What happened, or why it is unknown. */
  readonly what: string;
}

/** In log order. Verifies nothing: show it beside the result of `verifyBundle`. */
export function timelineOf(bundle: EvidenceBundle): readonly TimelineEntry[] {
  return layOut(bundle, {}).leaves.map((leaf) => {
    const { index, id, reading } = leaf;
    const named = { index: index.toString(), ...(id === undefined ? {} : { id }) };
    if (reading.state === 'pruned') return { ...named, who: '', what: 'is no longer kept; the log has its hash' };
    if (reading.state === 'malformed')
      return { ...named, who: '', what: escaped(`cannot be read: ${reading.problem}`) };
    const { record } = reading;
    return {
      ...named,
      time: escaped(record.time),
      type: escaped(record.type),
      outcome: record.outcome,
      who: escaped(whoOf(record)),
      what: escaped(whatOf(record)),
    };
  });
}

/** {@link timelineOf} as text, one line per record. */
export function describeBundle(bundle: EvidenceBundle): readonly string[] {
  return timelineOf(bundle).map(({ index, id, time, type, outcome, who, what }) =>
    time === undefined
      ? `#${index}  ${id ?? 'a record without id'} ${what}`
      : [time, `#${index}`, type, outcome, who, what, `[${id}]`].filter((part) => part !== '').join('  '),
  );
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
    case 'envelope.issued':
      return `${facts.state}, version ${facts.version}`;
    case 'timestamp.obtained':
      return facts.thing.kind === 'record' ? `over ${facts.thing.record}` : 'over a checkpoint';
    case 'withheld':
      return 'withheld';
    default:
      return '';
  }
}

function escaped(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escapeCharacter);
}

function escapeCharacter(character: string): string {
  return `\\u${(character.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`;
}
