import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { broker, custodian, exampleFile, venue } from './testing/example-file.ts';
import { proposer as by, createRig, problemsOf, type Rig, refusalOf } from './testing/rig.ts';

// Facts for policies: compliance findings, desks, devices.

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const compliance = {
  kyc: { status: 'approved', valid_until: '2027-03-31' },
  aml_risk: 'low',
  sanctions: { result: 'clear', screened_at: '2026-11-20T06:00:00+01:00' },
  category: 'professional',
  suitable_for: ['S', 'D', 'E'],
};
const desk = {
  institution: broker,
  name: 'rates',
  products: ['S', 'D'],
  venues: ['XEXA'],
  jurisdictions: ['GB', 'DE'],
  hours: { time_zone: 'Europe/Berlin', opens: '08:00', closes: '18:30', days: [5, 1, 2, 3, 4] },
};
const device = {
  id: 'device:anna-laptop',
  institution: broker,
  holder: 'person:anna.keller',
  posture: 'compliant',
  posture_at: '2026-11-21T07:00:00Z',
};

/** The example with all three; `change` makes one of them invalid. */
function fileWith(change: { compliance?: object; desk?: object; device?: object; institution?: object } = {}) {
  const { institutions, ...rest } = exampleFile();
  const [first, ...others] = institutions;
  return {
    ...rest,
    institutions: [{ ...first, compliance: { ...compliance, ...change.compliance }, ...change.institution }, ...others],
    desks: [{ ...desk, ...change.desk }],
    devices: [{ ...device, ...change.device }],
  };
}

describe('facts for policies', () => {
  it('are available to synchronous look-ups, with times in UTC and lists in one order', async () => {
    const directory = await rig.open();
    await directory.apply(fileWith({ institution: { data_regions: ['uk', 'eu-central'] } }), by);
    const snapshot = directory.snapshot();
    expect(snapshot.institution(broker)).toMatchObject({
      compliance: {
        kyc: { status: 'approved', validUntil: '2027-03-31' },
        amlRisk: 'low',
        sanctions: { result: 'clear', screenedAt: '2026-11-20T05:00:00.000Z' },
        category: 'professional',
        suitableFor: ['D', 'E', 'S'],
      },
      dataRegions: ['eu-central', 'uk'],
    });
    expect(snapshot.desk(`${broker}/rates`)).toEqual({
      id: `${broker}/rates`,
      institution: broker,
      name: 'rates',
      products: ['D', 'S'],
      venues: ['XEXA'],
      jurisdictions: ['DE', 'GB'],
      hours: { timeZone: 'Europe/Berlin', opens: '08:00', closes: '18:30', days: [1, 2, 3, 4, 5] },
    });
    expect(snapshot.device('device:anna-laptop')).toEqual({
      id: 'device:anna-laptop',
      institution: broker,
      holder: 'person:anna.keller',
      posture: 'compliant',
      postureAt: '2026-11-21T07:00:00.000Z',
    });
    expect([...snapshot.resources()].map(({ uri }) => uri)).toContain('https://venue.example/orders');
  });

  it('are optional: an institution then has no compliance findings', async () => {
    const directory = await rig.open();
    await directory.apply(exampleFile(), by);
    const snapshot = directory.snapshot();
    expect(snapshot.institution(broker)).not.toHaveProperty('compliance');
    expect(snapshot.institution(broker)).not.toHaveProperty('dataRegions');
    expect(snapshot.desk(`${broker}/rates`)).toBeUndefined();
    expect(snapshot.device('device:anna-laptop')).toBeUndefined();
  });

  it('are the same on a node that reads them from storage, and the same file changes nothing', async () => {
    const directory = await rig.open();
    const { version } = await directory.apply(fileWith(), by);
    const other = await rig.open();
    expect(other.snapshot().desk(`${broker}/rates`)).toEqual(directory.snapshot().desk(`${broker}/rates`));
    expect(other.snapshot().device(device.id)).toEqual(directory.snapshot().device(device.id));
    expect(other.snapshot().institution(broker)).toEqual(directory.snapshot().institution(broker));
    expect(await directory.apply(fileWith(), by)).toEqual({ version, changes: [] });
  });

  it('change one by one, and are removed with their institution under prune', async () => {
    const directory = await rig.open();
    await directory.apply(fileWith(), by);
    expect(await directory.plan(fileWith({ compliance: { aml_risk: 'high' }, desk: { products: ['D'] } }))).toEqual([
      { change: 'change', kind: 'institution', id: broker, fields: ['compliance'] },
      { change: 'change', kind: 'desk', id: `${broker}/rates`, fields: ['products'] },
    ]);
    const { changes } = await directory.apply({ ...fileWith(), desks: [], devices: [] }, by, { prune: true });
    expect(changes.map(({ change, id }) => `${change} ${id}`)).toEqual([
      `remove ${broker}/rates`,
      'remove device:anna-laptop',
    ]);
  });

  it('are separate per firm: two firms may have a desk with the same name', async () => {
    const directory = await rig.open();
    const file = fileWith();
    await directory.apply({ ...file, desks: [...file.desks, { ...desk, institution: custodian, products: [] }] }, by);
    expect(directory.snapshot().desk(`${broker}/rates`)?.products).toEqual(['D', 'S']);
    expect(directory.snapshot().desk(`${custodian}/rates`)?.products).toEqual([]);
  });

  it('allow a desk to be staffed around the clock', async () => {
    const directory = await rig.open();
    const hours = { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] };
    await directory.apply(fileWith({ desk: { hours } }), by);
    expect(directory.snapshot().desk(`${broker}/rates`)?.hours).toMatchObject({ opens: '00:00', closes: '24:00' });
  });

  const hours = (change: object) => ({ desk: { hours: { ...desk.hours, ...change } } });
  const cases: readonly (readonly [string, string, string, Parameters<typeof fileWith>[0]])[] = [
    [
      'a KYC status there is not',
      'directory_file_invalid',
      '/institutions/0/compliance/kyc/status',
      { compliance: { kyc: { status: 'fine', valid_until: '2027-03-31' } } },
    ],
    [
      'a day of review that does not exist',
      'directory_file_invalid',
      '/institutions/0/compliance/kyc/valid_until',
      { compliance: { kyc: { status: 'approved', valid_until: '2027-02-29' } } },
    ],
    [
      'a day of review with a year of more digits',
      'directory_file_invalid',
      '/institutions/0/compliance/kyc/valid_until',
      { compliance: { kyc: { status: 'approved', valid_until: '+12027-01-' } } },
    ],
    [
      'a risk there is not',
      'directory_file_invalid',
      '/institutions/0/compliance/aml_risk',
      { compliance: { aml_risk: 'none' } },
    ],
    [
      'a screening at no time',
      'directory_file_invalid',
      '/institutions/0/compliance/sanctions/screened_at',
      { compliance: { sanctions: { result: 'clear', screened_at: 'today' } } },
    ],
    [
      'a screening dated more than a minute ahead',
      'sanctions_postdated',
      '/institutions/0/compliance/sanctions/screened_at',
      { compliance: { sanctions: { result: 'clear', screened_at: '2026-11-21T00:01:00.001Z' } } },
    ],
    [
      'a screening without a result',
      'directory_file_invalid',
      '/institutions/0/compliance/sanctions',
      { compliance: { sanctions: { screened_at: '2026-11-21T06:00:00Z' } } },
    ],
    [
      'a class of instruments there is not',
      'directory_file_invalid',
      '/institutions/0/compliance/suitable_for/1',
      { compliance: { suitable_for: ['E', 'Z'] } },
    ],
    ['half of compliance', 'directory_file_invalid', '/institutions/0/compliance', { institution: { compliance: {} } }],
    [
      'no region at all',
      'directory_file_invalid',
      '/institutions/0/data_regions',
      { institution: { data_regions: [] } },
    ],
    ['a desk without an owner', 'reference_unknown', '/desks/0/institution', { desk: { institution: unknownLei() } }],
    ['an unknown venue', 'reference_unknown', '/desks/0/venues/0', { desk: { venues: ['XPAR'] } }],
    ['a venue in small letters', 'mic_malformed', '/desks/0/venues/0', { desk: { venues: ['xexa'] } }],
    ['a nonexistent country', 'country_unknown', '/desks/0/jurisdictions/0', { desk: { jurisdictions: ['XX'] } }],
    ['a product that is not a code', 'directory_file_invalid', '/desks/0/products/0', { desk: { products: ['Debt'] } }],
    ['a desk without a name', 'directory_file_invalid', '/desks/0/name', { desk: { name: '' } }],
    ['a name that would be another desk', 'directory_file_invalid', '/desks/0/name', { desk: { name: 'a/b' } }],
    ['a nonexistent zone', 'directory_file_invalid', '/desks/0/hours/time_zone', hours({ time_zone: 'Europe/Bonn' })],
    ['a nonexistent hour', 'directory_file_invalid', '/desks/0/hours/opens', hours({ opens: '25:00' })],
    ['hours that end before they begin', 'directory_file_invalid', '/desks/0/hours/closes', hours({ closes: '07:00' })],
    ['hours of no length', 'directory_file_invalid', '/desks/0/hours/closes', hours({ closes: '08:00' })],
    ['an eighth day', 'directory_file_invalid', '/desks/0/hours/days/0', hours({ days: [8] })],
    ['an unknown holder', 'reference_unknown', '/devices/0/holder', { device: { holder: 'person:nobody' } }],
    ['a holder that is software', 'directory_file_invalid', '/devices/0/holder', { device: { holder: 'service:oms' } }],
    ['a holder of another firm', 'directory_file_invalid', '/devices/0/holder', { device: { institution: venue } }],
    ['a posture there is not', 'directory_file_invalid', '/devices/0/posture', { device: { posture: 'good' } }],
    [
      'a device that was never looked at',
      'directory_file_invalid',
      '/devices/0/posture_at',
      { device: { posture_at: '' } },
    ],
    ['a device by another name', 'directory_file_invalid', '/devices/0/id', { device: { id: 'laptop' } }],
  ];

  it.each(cases)('are refused for %s', async (_name, code, path, change) => {
    const directory = await rig.open();
    const error = await refusalOf(directory.apply(fileWith(change), by));
    expect(problemsOf(error)).toContainEqual(expect.objectContaining({ code, path: expect.stringContaining(path) }));
    expect(directory.snapshot().version).toBe(0);
  });

  it('keep the venue of a desk and the holder of a device from being removed', async () => {
    const directory = await rig.open();
    await directory.apply(fileWith(), by);
    const { institutions } = fileWith();
    const venueGone = await refusalOf(directory.apply({ institutions: [institutions[1]] }, by, { prune: true }));
    expect(problemsOf(venueGone).map(({ path }) => path)).toContain(`stored:/desk/${broker}~1rates/venues/0`);
    const holderGone = await refusalOf(directory.apply({ ...fileWith(), people: [], agents: [] }, by, { prune: true }));
    expect(problemsOf(holderGone).map(({ path }) => path)).toEqual(['/devices/0/holder']);
  });
});

function unknownLei(): string {
  return '529900T8BM49AURSDO55';
}
