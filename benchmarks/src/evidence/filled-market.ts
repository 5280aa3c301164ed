import { type RecordType, retentionClassOf } from '@countersign/contracts';
import { type MandateId, parseId, type TransactionId } from '@countersign/kernel';

/** How many take part in a market whose log has so many records. */
export interface FilledMarket {
  readonly records: number;
  readonly mandates: number;
  /** Each trades under one mandate; so many of them under each. */
  readonly persons: number;
  readonly desks: number;
  readonly firms: number;
}

/** A record for the stream that begins, the policies, and those of each mandate; then one order after the other. */
const lead = 2;
const recordsOfMandate = 2;
const recordsOfOrder = 10;
export const streamOfFilled = `src_${'0'.repeat(25)}1`;

/** Two thousand records to a mandate, and a thousand to a person: a desk's year. */
export function marketOf(records: number): FilledMarket {
  const mandates = Math.max(5, Math.floor(records / 2_000));
  return { records, mandates, persons: 2 * mandates, desks: Math.ceil(mandates / 5), firms: Math.ceil(mandates / 25) };
}

export function ordersIn({ records, mandates }: FilledMarket): number {
  return Math.floor((records - lead - recordsOfMandate * mandates - 1) / recordsOfOrder);
}

/** Who and what an order is, by its number. */
export interface FilledOrder {
  readonly transaction: TransactionId;
  readonly person: string;
  readonly mandate: MandateId;
  /** Records of the transaction itself, and all that its evidence holds before it was exported. */
  readonly records: number;
  readonly chain: number;
}

export function orderAt(market: FilledMarket, order: number): FilledOrder {
  const numbered = (number: number): string => String(number).padStart(26, '0');
  const transaction = parseId('transaction', `txn_${numbered(order)}`);
  const mandate = parseId('mandate', `mnd_${numbered(order % market.mandates)}`);
  if (transaction === undefined || mandate === undefined) throw new Error('an order without ids');
  const own = kinds.slice(0, recordsOfOrder).filter(({ columns }) => columns.transaction).length;
  // With its token, the policies and its mandate.
  const chain = own + 1 + 1 + recordsOfMandate;
  return { transaction, mandate, person: `person:trader-${order % market.persons}`, records: own, chain };
}

/** Records of one kind, as SQL makes them. */
export interface FilledKind {
  readonly type: RecordType;
  readonly class: string;
  readonly columns: { readonly transaction: boolean; readonly mandate: boolean };
  /** SQL: the record behind its number, as text. */
  readonly text: string;
}

const subject = '"subject":{"id":"{person}","institution":"{firm}"}';
const opening = '"id":"{rec}","type":"{type}"';
const ofOrder = `${opening},"source":"transaction-registry","outcome":"done","transaction":"{txn}","mandate":{"id":"{mandate}","version":1},${subject},"client":"{desk}"`;
const decided = (references: string): string =>
  `${opening},"source":"policy-engine","outcome":"permit","transaction":"{txn}","references":[${references}],${subject},"actors":[{"id":"{service}"}],"policy":{"version":1},"data":{"action":"order:create"}}`;
const step = (references: string, event: string, to: string): string =>
  `${ofOrder},"references":[${references}],"data":{"event":"${event}","to":"${to}"}}`;

/** An order's life, record by record; then what comes once. The place in this list is the number of the kind. */
const shapes: readonly (readonly [RecordType, string])[] = [
  [
    'token.issued',
    `${opening},"source":"authorization-server","outcome":"permit",${subject},"actors":[{"id":"{service}"}],"client":"{desk}","mandate":{"id":"{mandate}","version":1},"policy":{"version":1}}`,
  ],
  ['decision.made', decided('"{policy}"')],
  [
    'transaction.opened',
    `${ofOrder},"references":["{accepted}","{of0}","{of1}"],"data":{"intent_type":"trade_order"}}`,
  ],
  [
    'approval.given',
    `${opening},"source":"policy-engine","outcome":"permit","transaction":"{txn}","references":["{of2}"],"subject":{"id":"{approver}","institution":"{firm}"},"data":{"role":"second trader"}}`,
  ],
  ['decision.made', decided('"{policy}","{of3}"')],
  ['transaction.transitioned', step('"{of2}","{of4}"', 'submit', 'submitted')],
  ['transaction.transitioned', step('"{of5}"', 'execute', 'executed')],
  ['transaction.transitioned', step('"{of6}"', 'clear', 'cleared')],
  ['transaction.transitioned', step('"{of7}"', 'settle', 'settled')],
  ['token.introspected', `${opening},"source":"authorization-server","outcome":"permit",${subject},"client":"{desk}"}`],
  ['mandate.proposed', mandateText('proposed')],
  ['mandate.accepted', mandateText('active')],
  [
    'policy.published',
    `${opening},"source":"policy-engine","outcome":"done","subject":{"id":"person:officer"},"policy":{"version":1},"data":{"version":1}}`,
  ],
  ['source.opened', `${opening},"source":"audit-log","outcome":"done","data":{"node":"filled","beat_every_ms":0}}`],
  ['source.closed', `${opening},"source":"audit-log","outcome":"done","data":{"up_to":{before},"void":[]}}`],
];

export const kinds: readonly FilledKind[] = shapes.map(([type, shape]) => ({
  type,
  class: retentionClassOf(type),
  columns: { transaction: shape.includes('"transaction":'), mandate: type.startsWith('mandate.') },
  text: sqlOf(shape.replace('{type}', type)),
}));

function mandateText(status: string): string {
  return `${opening},"source":"consent-store","outcome":"done",${subject},"data":{"mandate":{"id":"{mandate}","version":1,"status":"${status}","grantor":{"lei":"{grantor}"},"grantee":{"lei":"{firm}"}}}}`;
}

/** By what the log's index finds records of each kind, as its first rule has it; in the order of the kinds. */
const acting = ['principal {person}', 'institution {firm}'];
const trading = [...acting, 'client {desk}', 'mandate {mandate}'];
const restsOn = (...records: readonly string[]): readonly string[] => records.map((record) => `rests-on {${record}}`);
const termShapes: readonly (readonly string[])[] = [
  [...trading, 'principal {service}'],
  [...acting, 'principal {service}', ...restsOn('policy')],
  [...trading, ...restsOn('accepted', 'of0', 'of1')],
  ['principal {approver}', 'institution {firm}', ...restsOn('of2')],
  [...acting, 'principal {service}', ...restsOn('policy', 'of3')],
  [...trading, ...restsOn('of2', 'of4')],
  [...trading, ...restsOn('of5')],
  [...trading, ...restsOn('of6')],
  [...trading, ...restsOn('of7')],
  [...acting, 'client {desk}'],
  ...['proposed', 'accepted'].map(() => [...acting, 'mandate {mandate}', 'partner {grantor}', 'partner {firm}']),
  ['principal person:officer'],
  [],
  [],
];

/** SQL: an array of the terms of a record, by the number of its kind. */
export const termsOfKind = `case k ${termShapes
  .map((shape, k) => `when ${k} then array[${shape.map(sqlOf).join(', ')}]::text[]`)
  .join(' ')} end`;

/** SQL: the number of the kind, by the number of the record. */
export function kindOf({ records, mandates }: FilledMarket): string {
  const orders = lead + recordsOfMandate * mandates;
  return `case when n = 0 then 13 when n = ${records - 1} then 14 when n = 1 then 12
    when n < ${orders} then 10 + (n - ${lead}) % ${recordsOfMandate} else (n - ${orders}) % ${recordsOfOrder} end`;
}

/** SQL: the number of the order, or of the mandate where there are none yet. */
export function orderOf({ mandates }: FilledMarket): string {
  const orders = lead + recordsOfMandate * mandates;
  return `greatest(0, case when n < ${orders} then (n - ${lead}) / ${recordsOfMandate} else (n - ${orders}) / ${recordsOfOrder} end)`;
}

/** SQL: what the placeholders of records stand for. `n` is the record's number, `o` the order's, `k` the kind's. */
export function valuesOf({ mandates, persons, desks, firms }: FilledMarket): string {
  const numbered = (prefix: string, number: string): string => `'${prefix}_' || lpad((${number})::text, 26, '0')`;
  const firm = (number: string): string => `'5493' || lpad((${number})::text, 14, '0') || '00'`;
  const mandate = `o % ${mandates}`;
  const values: Readonly<Record<string, string>> = {
    rec: numbered('rec', 'n'),
    txn: numbered('txn', 'o'),
    mandate: numbered('mnd', mandate),
    accepted: numbered('rec', `${lead + 1} + ${recordsOfMandate} * (${mandate})`),
    policy: numbered('rec', '1'),
    person: `'person:trader-' || o % ${persons}`,
    approver: `'person:head-' || o % ${desks}`,
    service: `'service:desk-' || o % ${desks}`,
    desk: `'desk-' || o % ${desks}`,
    firm: firm(`(${mandate}) % ${firms}`),
    grantor: firm(`${firms}`),
    before: 'n::text',
    ...Object.fromEntries(
      Array.from({ length: recordsOfOrder }, (_, of) => [`of${of}`, numbered('rec', `n - k + ${of}`)]),
    ),
  };
  return Object.entries(values)
    .map(([name, value]) => `${value} as "${name}"`)
    .join(', ');
}

/** A shape with placeholders as an SQL expression. */
function sqlOf(shape: string): string {
  return shape
    .split(/\{(\w+)\}/)
    .map((part, place) => (place % 2 === 0 ? `'${part}'` : `v."${part}"`))
    .join(' || ');
}
