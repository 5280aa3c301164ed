import type { ReferenceData, Requester } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { broker, exampleFile, operator } from '../testing/example-file.ts';
import { approver, createRig, problemsOf, proposer, type Rig, refusalOf } from '../testing/rig.ts';

const feed: Requester = { id: 'service:feed', institution: operator };
const bond = {
  id: 'DE000EXMPL17',
  cfi: 'DBFTFB',
  currency: 'EUR',
  venues: ['XEUR'],
  complex: true,
  target_market: ['professional'],
  price_multiplier: '100',
  source: 'the vendor',
  as_of: '2026-11-20T18:00:00Z',
};
const yen = { currency: 'JPY', base: 'EUR', rate: '0.0061', source: 'ECB', as_of: '2026-11-20T15:00:00Z' };

let rig: Rig;
let directory: DirectoryComponent;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  const file = exampleFile();
  file.services.push(
    { id: feed.id, institution: operator, roles: ['reference-data'] },
    { id: 'service:other', institution: operator, roles: [] },
    { id: 'service:foreign', institution: broker, roles: ['reference-data'] },
  );
  await directory.apply({ ...file, instruments: [bond], rates: [yen] }, proposer);
  rig.records.length = 0;
});
afterEach(() => rig.close());

const record = (data: Partial<ReferenceData>, by = feed) =>
  directory.recordReferenceData(data, by, 'the feed of today');
const instrument = () => directory.snapshot().instrument(bond.id);
const rate = () => directory.snapshot().rate('JPY/EUR');

describe('reference data', () => {
  it('comes from a file or a feed, in the form that policies read', async () => {
    expect(instrument()).toEqual({
      id: 'DE000EXMPL17',
      cfi: 'DBFTFB',
      currency: 'EUR',
      venues: ['XEUR'],
      complex: true,
      targetMarket: ['professional'],
      priceMultiplier: '100',
      source: 'the vendor',
      asOf: '2026-11-20T18:00:00.000Z',
    });
    expect(rate()).toMatchObject({ currency: 'JPY', base: 'EUR', rate: '0.0061', source: 'ECB' });
    const share = { ...bond, id: 'US0378331005', cfi: 'ESVUFR', currency: 'USD', venues: ['XNAS'], complex: false };
    expect(await record({ instruments: [share] })).toMatchObject({
      version: 2,
      changes: [{ change: 'add', kind: 'instrument', id: 'US0378331005' }],
    });
    expect(await record({ rates: [{ ...yen, rate: '0.006', as_of: '2026-11-20T16:00:00Z' }] })).toMatchObject({
      changes: [{ change: 'change', kind: 'rate', id: 'JPY/EUR', fields: ['as_of', 'rate'] }],
    });
    expect(rate()?.rate).toBe('0.006');
    expect(rig.records.map(({ type }) => type)).toEqual(['directory.applied', 'directory.applied']);
    // A file without reference data leaves it unchanged.
    await directory.apply(exampleFile(), proposer, { prune: false });
    expect(instrument()?.cfi).toBe('DBFTFB');
  });

  it('is recorded only by the operator’s software with the role', async () => {
    for (const by of [
      { id: 'service:other', institution: operator },
      { id: 'service:foreign', institution: broker },
      { id: 'service:nobody', institution: operator },
    ])
      expect((await refusalOf(record({ instruments: [bond] }, by))).code).toBe('reference_scope_required');
    expect(rig.records).toMatchObject(
      ['service:other', 'service:foreign', 'service:nobody'].map((id) => ({
        type: 'access.refused',
        reason: 'reference_scope_required',
        subject: { id },
        data: { operation: 'reference:record' },
      })),
    );
  });

  it.each([
    ['a plain product', { complex: false }],
    ['of another class', { cfi: 'ESVUFR' }],
    ['of another group', { cfi: 'DSFTFB' }],
    ['in another currency', { currency: 'JPY' }],
    ['worth less', { price_multiplier: '99.9' }],
    ['for more clients', { target_market: ['professional', 'retail'] }],
    ['on more venues', { venues: ['XEUR', 'XPAR'] }],
    ['over the counter', { venues: [] }],
  ])('waits for a second person before an instrument is %s', async (_, members) => {
    const looser = { ...bond, ...members };
    const answer = await record({ instruments: [looser] });
    if (!('proposed' in answer)) throw new Error('it counted at once');
    expect(instrument()).toMatchObject({ complex: true, cfi: 'DBFTFB', venues: ['XEUR'] });
    // A file cannot avoid the second person either.
    expect(await refusalOf(directory.apply({ instruments: [looser] }, proposer))).toMatchObject({
      code: 'second_person_required',
      facts: { reference_data: [bond.id] },
    });
    expect((await refusalOf(directory.approve(answer.proposed.id, answer.proposed.digest, feed))).code).toBe(
      'change_self_approval',
    );
    await directory.approve(answer.proposed.id, answer.proposed.digest, approver);
    expect(directory.document('instrument', bond.id)).toMatchObject(
      Object.fromEntries(Object.entries(members).map(([name, value]) => [name, value])),
    );
  });

  it('counts at once when it allows no more than before', async () => {
    const stricter = {
      ...bond,
      venues: ['XEUR'],
      target_market: [],
      price_multiplier: '200',
      source: 'another vendor',
    };
    expect(await record({ instruments: [stricter] })).toMatchObject({ version: 2 });
    expect(instrument()).toMatchObject({ targetMarket: [], priceMultiplier: '200' });
  });

  it('waits when amounts would be worth a tenth less', async () => {
    expect(await record({ rates: [{ ...yen, rate: '0.00549' }] })).toMatchObject({ version: 2 });
    const answer = await record({ rates: [{ ...yen, rate: '0.0049409' }] });
    expect(answer).toMatchObject({ proposed: { status: 'proposed' } });
    expect(rate()?.rate).toBe('0.00549');
    expect(await record({ rates: [{ ...yen, rate: '0.7' }] })).toMatchObject({ version: 3 });
  });

  it('waits when amounts would be worth a tenth less in several steps, on any node and after any restart', async () => {
    expect(await record({ rates: [{ ...yen, rate: '0.0056' }] })).toMatchObject({ version: 2 });
    const answer = await record({ rates: [{ ...yen, rate: '0.0052' }] });
    if (!('proposed' in answer)) throw new Error('it counted at once');
    const other = await rig.open();
    // The feed cannot set its own anchor either.
    const claimed = { rates: [{ ...yen, rate: '0.0053', anchor: '0.0053' }] };
    expect(await other.recordReferenceData(claimed, feed, 'the feed of today')).toHaveProperty('proposed');
    await directory.approve(answer.proposed.id, answer.proposed.digest, approver);
    expect(rate()).toMatchObject({ rate: '0.0052', anchor: '0.0052' });
    // The rate approved by the second person is the new anchor.
    expect(await record({ rates: [{ ...yen, rate: '0.0048' }] })).toMatchObject({ version: 4 });
    expect(await record({ rates: [{ ...yen, rate: '0.0046' }] })).toHaveProperty('proposed');
    // A higher rate counts at once and becomes the anchor.
    expect(await record({ rates: [{ ...yen, rate: '0.006' }] })).toMatchObject({ version: 5 });
    expect(await record({ rates: [{ ...yen, rate: '0.0053' }] })).toHaveProperty('proposed');
  });

  it('waits for a second person when a currency gets its first rate: until then it is above every threshold', async () => {
    const lira = { ...yen, currency: 'TRY', rate: '0.000000000000000001' };
    expect(await record({ rates: [lira] })).toMatchObject({
      proposed: { changes: [{ change: 'add', kind: 'rate', id: 'TRY/EUR' }] },
    });
    expect(directory.snapshot().rate('TRY/EUR')).toBeUndefined();
  });

  it('accepts rates from nobody else', async () => {
    for (const attempt of [
      () => directory.apply({ rates: [{ ...yen, rate: '0.01' }] }, proposer),
      () => directory.propose({ file: { rates: [{ ...yen, rate: '0.0001' }] } }, proposer, 'why not'),
      () => directory.propose({ edit: { put: { rates: [{ ...yen, rate: '0.0001' }] } } }, proposer, 'why not'),
    ])
      expect((await refusalOf(attempt())).code).toBe('reference_scope_required');
    expect(rate()?.rate).toBe('0.0061');
  });

  it('is refused with a date in the future', async () => {
    for (const data of [
      { rates: [{ ...yen, as_of: '2026-11-21T00:01:01Z' }] },
      { instruments: [{ ...bond, as_of: '2026-11-22T00:00:00Z' }] },
    ])
      expect((await refusalOf(record(data))).code).toBe('reference_postdated');
  });

  it.each([
    [{ instruments: [{ ...bond, id: 'DE000EXMPL18' }] }, '/put/instruments/0/id'],
    [{ instruments: [{ ...bond, cfi: 'ZZZZZZ' }] }, '/put/instruments/0/cfi'],
    [{ instruments: [{ ...bond, currency: 'EURO' }] }, '/put/instruments/0/currency'],
    [{ instruments: [{ ...bond, venues: ['xeur'] }] }, '/put/instruments/0/venues/0'],
    [{ instruments: [{ ...bond, price_multiplier: '0' }] }, '/put/instruments/0/price_multiplier'],
    [{ instruments: [{ ...bond, price_multiplier: '0.01' }] }, '/put/instruments/0/price_multiplier'],
    [{ instruments: [{ ...bond, target_market: ['everybody'] }] }, '/put/instruments/0/target_market/0'],
    [{ instruments: [{ ...bond, as_of: 'today' }] }, '/put/instruments/0/as_of'],
    [{ rates: [{ ...yen, rate: '0.00' }] }, '/put/rates/0/rate'],
    [{ rates: [{ ...yen, base: 'JPY' }] }, '/put/rates/0/base'],
  ])('reports the problem and its location: %j', async (data, path) => {
    expect(problemsOf(await refusalOf(record(data)))[0]?.path).toBe(path);
  });

  it('is the same on another node, and after a restart', async () => {
    const other = await rig.open();
    await record({ rates: [{ ...yen, rate: '0.0062' }] });
    await other.snapshotAtLeast(2);
    expect(other.snapshot().rate('JPY/EUR')?.rate).toBe('0.0062');
    expect((await rig.open()).snapshot().instrument(bond.id)?.complex).toBe(true);
  });

  it('is not proven by rows that nobody has recorded', async () => {
    await rig.scratch
      .pool('directory')
      .query(`update entities set document = document || '{"complex": false}' where kind = 'instrument'`);
    expect((await refusalOf(rig.open())).code).toBe('authority_unproven');
  });
});
