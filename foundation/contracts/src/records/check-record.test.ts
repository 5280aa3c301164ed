import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import type { RecordDraft } from '../audit-log.ts';
import { recordFaults, requireFit } from './check-record.ts';
import { recordSchema } from './record-schemas.ts';

const from = { clock: systemClock, random: systemRandom };
const digest = 'A'.repeat(43);

const opened = (members: Partial<RecordDraft> = {}): RecordDraft => ({
  id: newId('record', from),
  type: 'transaction.opened',
  source: 'transaction-registry',
  outcome: 'done',
  transaction: newId('transaction', from),
  mandate: { id: newId('mandate', from), version: 1 },
  intent: digest as NonNullable<RecordDraft['intent']>,
  references: [newId('record', from)],
  subject: { id: 'person:ada', institution: '5493001KJTIIGC8Y1R12' },
  client: 'algo',
  data: { intent_type: 'order', idempotency_key: 'key' },
  protectedValues: [
    { path: '/data/intent', kind: 'strategy', subject: '5493001KJTIIGC8Y1R12', value: { type: 'order', price: '7' } },
  ],
  ...members,
});

describe('a draft checked against the schema of its type', () => {
  it('matches with and without its restricted values', () => {
    expect(recordFaults(opened())).toEqual([]);
    expect(recordFaults(opened({ protectedValues: [] }))).toEqual([]);
  });

  it.each<[string, object]>([
    [
      'a member of data that its schema does not name',
      { data: { intent_type: 'order', idempotency_key: 'k', more: 1 } },
    ],
    ['a member that lacks', { data: { intent_type: 'order' } }],
    ['another source', { source: 'policy-engine' }],
    ['another outcome', { outcome: 'permit' }],
    ['no subject', { subject: undefined }],
    ['an id of something else', { references: ['txn_00000000000000000000000000' as never] }],
    [
      'a protected value where there is none',
      { protectedValues: [{ path: '/data/wish', kind: 'strategy', subject: 'x', value: 'cheap' }] },
    ],
  ])('does not match with %s, and the error names the path without the value', (_what, members) => {
    const faults = recordFaults(opened(members as Partial<RecordDraft>));
    expect(faults).not.toEqual([]);
    expect(faults.join()).not.toContain('cheap');
    expect(() => requireFit(opened(members as Partial<RecordDraft>))).toThrow('does not fit its schema');
  });
});

describe('the schema of a record in the log', () => {
  const ajv = new Ajv2020({ strict: true, keywords: ['x-protected'], formats: { 'date-time': true } });
  const valid = ajv.compile(JSON.parse(JSON.stringify(recordSchema('transaction.opened'))) as object);
  const time = '2026-11-21T09:30:00.000Z';
  const { protectedValues, ...open } = opened();
  const origin = { stream: newId('stream', from), number: 3, clock: newId('record', from) };
  const commitment = { kind: 'strategy', key: 'key', commitment: digest, ciphertext: digest };

  it('accepts both versions of the leaf', () => {
    expect(valid({ v: 1, time, ...open })).toBe(true);
    expect(valid({ v: 1, time, ...open, data: { ...(open.data as object), intent: { type: 'order' } } })).toBe(true);
    expect(valid({ v: 2, time, ...origin, ...open, protected: { '/data/intent': commitment } })).toBe(true);
  });

  it.each([
    ['a record of version 2 without a number', { v: 2, time, stream: origin.stream, ...open }],
    ['a record of version 1 with one', { v: 1, time, number: 3, ...open }],
    ['another version', { v: 3, time, ...origin, ...open }],
    ['an unknown member', { v: 2, time, ...origin, ...open, note: 'x' }],
    [
      'a commitment without its key',
      { v: 2, time, ...origin, ...open, protected: { '/data/intent': { kind: 'strategy' } } },
    ],
  ])('refuses %s', (_what, record) => {
    expect(valid(record)).toBe(false);
  });
});
