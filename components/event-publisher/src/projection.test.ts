import { type RecordDraft, recordTypes } from '@countersign/contracts';
import { type Digest, type Json, newId, systemClock, systemRandom } from '@countersign/kernel';
import { createMemoryLog, fixedClock } from '@countersign/testkit';
import { CloudEvent } from 'cloudevents';
import { describe, expect, it } from 'vitest';
import { project, typesOfTopics } from './projection.ts';
import { leis, version } from './testing/example-mandate.ts';

const from = { clock: systemClock, random: systemRandom };
const transaction = newId('transaction', from);
const mandate = { id: newId('mandate', from), version: 3 };
const intent = 'sha-256:intent' as Digest;
const log = createMemoryLog(fixedClock(Date.parse('2026-11-21T10:00:00Z')));
log.write({ type: 'log.opened' });

const projected = (draft: Parameters<typeof log.write>[0]) => {
  const { index, record } = log.write(draft);
  return project(record, index, 'countersign.example/log');
};
const about = (type: RecordDraft['type'], data: { readonly [name: string]: Json } = {}, more: object = {}) =>
  projected({ type, transaction, mandate, intent, data, ...more });

describe('an event', () => {
  it('is a CloudEvent by the SDK of the CloudEvents project', () => {
    const told = about('mandate.accepted', { mandate: version({ status: 'active' }) });
    const event = new CloudEvent({ ...told?.event });
    expect(event.validate()).toBe(true);
    expect(event).toMatchObject({
      type: 'countersign.mandate.accepted',
      source: 'countersign.example/log',
      subject: mandate.id,
      time: '2026-11-21T10:00:00.000Z',
      sequence: expect.stringMatching(/^[0-9]{20}$/),
      data: { mandate: mandate.id, kind: 'mandate', status: 'active', version: 1, digest: 'sha-256:abc' },
    });
  });

  it.each<[string, RecordDraft['type'], { readonly [name: string]: Json }, object]>([
    [
      'a step',
      'transaction.transitioned',
      { event: 'execute', from: 'submitted', to: 'executed', version: 3, late: true },
      { intent_digest: intent, event: 'execute', from: 'submitted', to: 'executed', version: 3, late: true },
    ],
    [
      'an exception',
      'exception.raised',
      { exception: 'exc_1', cause: 'mandate', event: 'execute', owner: leis.broker, due_at: '2026-11-21T14:00:00Z' },
      {
        exception: 'exc_1',
        cause: 'mandate',
        event: 'execute',
        owner: leis.broker,
        due_at: '2026-11-21T14:00:00Z',
        reason: 'mandate_revoked',
      },
    ],
    [
      'how one was resolved, and what became of the transaction',
      'exception.resolved',
      { exception: 'exc_1', cause: 'mandate', event: 'execute', kind: 'abandoned', to: 'failed', version: 4 },
      {
        ...{ exception: 'exc_1', cause: 'mandate', event: 'execute', reason: 'mandate_revoked', status: 'resolved' },
        ...{ resolution: 'abandoned', to: 'failed', version: 4 },
      },
    ],
    [
      'an approval',
      'approval.given',
      { approval_id: 'apr_1', role: 'supervisor', expires_at: '2026-11-21T11:00:00Z' },
      { intent_digest: intent, approval: 'apr_1', role: 'supervisor', expires_at: '2026-11-21T11:00:00Z' },
    ],
  ])('contains the members of %s', (_, type, data, expected) => {
    const told = about(type, data, {
      subject: { id: 'person:tom.trader', institution: leis.fund },
      ...(type.startsWith('exception') ? { reason: 'mandate_revoked' } : {}),
    });
    expect(told?.event).toMatchObject({ subject: transaction, data: { transaction, ...expected } });
    expect(Object.keys(told?.event.data as object).sort()).toEqual(['transaction', ...Object.keys(expected)].sort());
  });

  it('never contains people, keys, signatures, limits, inputs of decisions, intents or free text', () => {
    const secret = {
      mandate: version({ signatory: 'person:frank.fund' }),
      by: 'person:frank.fund',
      approver: 'person:sam.supervisor',
      jws: 'eyJhbGciOiJFUzI1NiJ9.e30.c2ln',
      key: { kty: 'EC', x: 'eA' },
      reason: 'Frank Fund has fallen ill',
      detail: 'Frank Fund has fallen ill',
      body: { price: '101.25' },
      body_digest: 'sha-256:body',
      decision: { input: { notional: '4050000' }, policy: 7 },
      limits: [{ used: '90000000', max: '100000000' }],
      intent: { max_qty: '2000', account: 'NLAM-0042' },
      idempotency_key: 'order-7',
      from: { desk: 'rates', roles: ['trader'] },
    };
    const found = Object.values(typesOfTopics)
      .flat()
      .filter((type) => type !== 'directory.departure')
      .map((type) => about(type, secret, { subject: { id: 'person:tom.trader', institution: leis.fund } })?.event);
    expect(found.length).toBeGreaterThan(15);
    const said = JSON.stringify(found.map((event) => ({ ...event, data: { ...(event?.data as object), from: '' } })));
    expect(said).not.toMatch(
      /person:|Frank|eyJ|"kty"|101\.25|5000000|4050000|90000000|2000"|NLAM|order-7|sha-256:body|c2ln|Framework/,
    );
  });

  it('contains its defined members only, and leaves out missing ones', () => {
    expect(Object.keys(about('transaction.transitioned', { event: 'submit' })?.event.data as object)).toEqual([
      'transaction',
      'intent_digest',
      'event',
    ]);
  });
});

describe('the audience of an event', () => {
  const by = (institution: string) => ({ subject: { id: 'person:somebody', institution } });

  it('of a mandate is everybody with a part, and who is to have one', () => {
    const amendment = { terms: { grantee: { lei: leis.venue }, thirdParty: { lei: leis.stranger } } };
    const told = about('mandate.amendment-proposed', { mandate: version({ amendment }) });
    expect(told?.audience).toEqual({ of: 'institutions', leis: [leis.fund, leis.broker, leis.venue, leis.stranger] });
  });

  it.each(['mandate.amended', 'mandate.amendment-withdrawn', 'mandate.revoked', 'mandate.expired'] as const)(
    'of %s includes the parties of the version before',
    (type) => {
      const before = newId('record', from);
      const told = about(type, { mandate: version() }, { references: [before] });
      expect(told?.audience).toEqual({ of: 'institutions', leis: [leis.fund, leis.broker], before });
    },
  );

  it.each(['transaction.transitioned', 'exception.raised', 'exception.resolved', 'exception.overdue'] as const)(
    'of %s is the parties of the transaction',
    (type) => expect(about(type)?.audience).toEqual({ of: 'transaction', id: transaction }),
  );

  it('of a newly opened intent, and of approvals, is only their own institution', () => {
    for (const type of ['transaction.opened', 'approval.given', 'approval.withdrawn'] as const)
      expect(about(type, {}, by(leis.fund))?.audience).toEqual({ of: 'institutions', leis: [leis.fund] });
    // Withdrawn by somebody else, because the approver has left.
    expect(about('approval.withdrawn', { institution: leis.fund }, by(leis.stranger))?.audience).toEqual({
      of: 'institutions',
      leis: [leis.fund],
    });
  });

  it('of a departure is the institution of the leaver', () => {
    const data = { principal: 'person:tom.trader', kind: 'leave', institution: leis.fund, reason: 'Retired' };
    const told = projected({ type: 'directory.departure', data, ...by(leis.stranger) });
    expect(told?.audience).toEqual({ of: 'institutions', leis: [leis.fund] });
    expect(told?.event).toMatchObject({
      subject: 'person:tom.trader',
      data: { principal: 'person:tom.trader', kind: 'leave' },
    });
  });

  it('without an owner is nobody', () => {
    expect(about('transaction.opened')).toBeUndefined();
    expect(about('approval.given')).toBeUndefined();
    expect(projected({ type: 'transaction.transitioned', data: {} })).toBeUndefined();
    expect(projected({ type: 'mandate.accepted', data: { mandate: version() } })).toBeUndefined();
    expect(projected({ type: 'directory.departure', data: { principal: 7 } })).toBeUndefined();
    expect(about('mandate.accepted', { mandate: 'none' })?.audience).toEqual({ of: 'institutions', leis: [] });
  });
});

it('is empty for refusals, sign-ins, tokens, decisions and everything else of the log', () => {
  const evented = new Set(Object.values(typesOfTopics).flat());
  for (const type of recordTypes.filter((each) => !evented.has(each))) expect(about(type)).toBeUndefined();
  expect([...evented].filter((type) => /refused|token|session|decision|policy/.test(type))).toEqual([]);
});
