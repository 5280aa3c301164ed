import {
  type CloudEvent,
  type EventTopic,
  type EvidenceRecord,
  eventErrors,
  eventTopics,
  type RecordType,
  recordTypes,
} from '@countersign/contracts';
import { type Json, membersOf, type RecordId, type TransactionId } from '@countersign/kernel';
import { positionText } from './position.ts';

export type Audience =
  | {
      readonly of: 'institutions';
      readonly leis: readonly string[];
      /** Also the institutions named in this record. */
      readonly before?: RecordId;
    }
  | { readonly of: 'transaction'; readonly id: TransactionId };

export interface Projected {
  readonly event: CloudEvent;
  readonly topic: EventTopic;
  readonly audience: Audience;
}

type Members = Readonly<Record<string, Json>>;

interface Projection {
  readonly topic: EventTopic;
  readonly subject: (record: EvidenceRecord, data: Members) => string | undefined;
  readonly audience: (record: EvidenceRecord, data: Members) => Audience | undefined;
  readonly data: (record: EvidenceRecord, data: Members) => Members;
}

/** Reasons written by people stay in the evidence. */
const mandate: Projection = {
  topic: 'mandate',
  subject: (record) => record.mandate?.id,
  audience: (_, data) => ({ of: 'institutions', leis: leisOfMandate(data) }),
  data: (record, data) => {
    const { kind, status, version, digest } = membersOf(data['mandate']) ?? {};
    return pick({
      mandate: record.mandate?.id,
      kind,
      status,
      version,
      digest,
      effective_until: data['effective_until'],
      days: data['days'],
    });
  },
};

/** A version may drop a party of the previous one: the parties of both receive the event. */
const departing: Projection = {
  ...mandate,
  audience: (record, data) => {
    const [before] = record.references ?? [];
    return { of: 'institutions', leis: leisOfMandate(data), ...(before === undefined ? {} : { before }) };
  },
};

const transition: Projection = {
  topic: 'transaction',
  subject: (record) => record.transaction,
  audience: partiesOfTransaction,
  data: (record, { event, from, to, version, late }) =>
    pick({ transaction: record.transaction, intent_digest: record.intent, event, from, to, version, late }),
};

/** Only the institution that opened a transaction receives this event; other parties learn of it by a later step. */
const opened: Projection = {
  ...transition,
  audience: ownInstitution,
  data: (record, { intent_type }) =>
    pick({ transaction: record.transaction, intent_digest: record.intent, intent_type, to: 'intended' }),
};

/** Only the approving institution receives this event. It names the role, never the person. */
const approval: Projection = {
  topic: 'approval',
  subject: (record) => record.transaction,
  audience: (record, { institution }) =>
    typeof institution === 'string' ? { of: 'institutions', leis: [institution] } : ownInstitution(record),
  data: (record, { approval_id, role, expires_at }) =>
    pick({ transaction: record.transaction, intent_digest: record.intent, approval: approval_id, role, expires_at }),
};

const exception: Projection = {
  topic: 'exception',
  subject: (record) => record.transaction,
  audience: partiesOfTransaction,
  // The reason is a code. Free text stays in the evidence.
  data: (record, { exception, cause, event, owner, due_at }) =>
    pick({ transaction: record.transaction, exception, cause, event, reason: record.reason, owner, due_at }),
};

/** Giving up ends the transaction, and no record of a transition follows; this event reports the end. */
const resolved: Projection = {
  ...exception,
  data: (record, data) => ({
    ...exception.data(record, data),
    status: 'resolved',
    ...pick({ resolution: data['kind'], to: data['to'], version: data['version'] }),
  }),
};

const departure: Projection = {
  topic: 'principal',
  subject: (_, { principal }) => (typeof principal === 'string' ? principal : undefined),
  audience: (_, { institution }) =>
    typeof institution === 'string' ? { of: 'institutions', leis: [institution] } : undefined,
  data: (_, { principal, kind }) => pick({ principal, kind }),
};

/** Refusals make no event: others would learn what a firm tried and may not do. */
const projections: Readonly<Partial<Record<RecordType, Projection>>> = {
  'mandate.proposed': mandate,
  'mandate.consented': mandate,
  'mandate.accepted': mandate,
  'mandate.suspended': mandate,
  'mandate.resumed': mandate,
  'mandate.amendment-proposed': mandate,
  'mandate.amendment-withdrawn': departing,
  'mandate.amended': departing,
  'mandate.revoked': departing,
  'mandate.expired': departing,
  'mandate.expiring': mandate,
  'transaction.opened': opened,
  'transaction.transitioned': transition,
  'approval.given': approval,
  'approval.withdrawn': approval,
  'exception.raised': exception,
  'exception.resolved': resolved,
  'exception.overdue': exception,
  'directory.departure': departure,
};

export const typesOfTopics: Readonly<Record<EventTopic, readonly RecordType[]>> = {
  mandate: typesOf('mandate'),
  transaction: typesOf('transaction'),
  approval: typesOf('approval'),
  exception: typesOf('exception'),
  principal: typesOf('principal'),
};

function typesOf(topic: EventTopic): readonly RecordType[] {
  return recordTypes.filter((type) => projections[type]?.topic === topic);
}

/** @param origin of the log: the event's source */
export function project(record: EvidenceRecord, index: bigint, origin: string): Projected | undefined {
  const projection = projections[record.type];
  if (projection === undefined) return undefined;
  const data = membersOf(record.data) ?? {};
  const subject = projection.subject(record, data);
  const audience = projection.audience(record, data);
  if (subject === undefined || audience === undefined) return undefined;
  return {
    topic: projection.topic,
    audience,
    event: {
      specversion: '1.0',
      id: record.id,
      source: origin,
      type: `countersign.${record.type}`,
      subject,
      time: record.time,
      datacontenttype: 'application/json',
      sequence: positionText(index),
      data: projection.data(record, data),
    },
  };
}

export function leisOfMandate(data: Json | undefined): readonly string[] {
  const version = membersOf(membersOf(data)?.['mandate']) ?? {};
  const proposed = membersOf(membersOf(version['amendment'])?.['terms']) ?? {};
  const leis = [version, proposed]
    .flatMap(({ grantor, grantee, thirdParty }) => [grantor, grantee, thirdParty])
    .map((party) => membersOf(party)?.['lei'])
    .filter((lei) => typeof lei === 'string');
  return [...new Set(leis)];
}

function partiesOfTransaction({ transaction }: EvidenceRecord): Audience | undefined {
  return transaction === undefined ? undefined : { of: 'transaction', id: transaction };
}

function ownInstitution({ subject }: Pick<EvidenceRecord, 'subject'>): Audience | undefined {
  return subject?.institution === undefined ? undefined : { of: 'institutions', leis: [subject.institution] };
}

function pick(members: Readonly<Record<string, Json | undefined>>): Members {
  return Object.fromEntries(Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined));
}

/** @throws CodedError `subscription_invalid` */
export function parseTopics(asked: readonly string[]): readonly EventTopic[] {
  const topics = eventTopics.filter((topic) => asked.includes(topic));
  if (topics.length === 0 || asked.some((topic) => !eventTopics.some((known) => known === topic)))
    throw eventErrors.error('subscription_invalid', `Topics are one or more of ${eventTopics.join(', ')}.`);
  return topics;
}
