import { createEntitySnapshot } from '@countersign/cedar';
import { describe, expect, it } from 'vitest';
import { wordsFor } from './judge.ts';
import type { Question } from './question.ts';

const uid = (type: string, id: string) => ({ type, id });
const entity = (type: string, id: string) => ({ __entity: { type, id } });
const question: Question = {
  principal: uid('Person', 'anna'),
  action: 'order:create',
  resource: uid('Transaction', 't'),
  context: {
    acr: 'pwd',
    now: { __extn: { fn: 'datetime', arg: '2026-11-22T10:00:00Z' } },
    device: entity('Device', 'ws-7'),
    signals: ['new-network', 'odd-hour'],
    claimedSignals: [],
  },
  local: [
    { uid: uid('Transaction', 't'), attrs: { notional: '5', account: entity('Account', 'own') }, parents: [] },
    { uid: uid('Account', 'own'), attrs: { institution: entity('Institution', 'fund') }, parents: [] },
  ],
  shared: createEntitySnapshot([
    { uid: uid('Institution', 'fund'), attrs: { country: entity('Jurisdiction', 'IR') }, parents: [] },
    { uid: uid('Device', 'ws-7'), attrs: { posture: 'failing' }, parents: [] },
  ]),
};
const said = (detail: string) =>
  wordsFor(
    { id: 'a', effect: 'forbid', text: '', reason: 'no', detail, remedies: [], escalation: [], timeStamp: false },
    question,
  ).detail;

describe('the text of a refusal', () => {
  it('fills its placeholders with the values found', () => {
    expect(said('{context.acr} for {resource.notional} at {context.now}: {context.signals}')).toBe(
      'pwd for 5 at 2026-11-22T10:00:00Z: new-network, odd-hour',
    );
    expect(said('{context.device} and {resource.account}')).toBe('ws-7 and own');
  });

  it('follows paths through entities, those of the question and the shared ones', () => {
    expect(said('{resource.account.institution.country}, {context.device.posture}')).toBe('IR, failing');
  });

  it('says that there is no value when a path ends or leads to an unknown entity', () => {
    expect(said('{resource.venue}, {resource.venue.country}, {resource.account.institution.country.name}')).toBe(
      'none, none, none',
    );
    expect(said('{context.claimedSignals}')).toBe('none');
    expect(said('{context.acr.length} {context.toString} {resource.__proto__} {principal.id}')).toBe(
      'none none none {principal.id}',
    );
  });
});
