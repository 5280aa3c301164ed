import type { ComplianceFinding, Requester } from '@countersign/contracts';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { broker, custodian, exampleFile, exampleLei, operator, venue } from '../testing/example-file.ts';
import { approver, createRig, problemsOf, proposer, type Rig, refusalOf } from '../testing/rig.ts';

const compliance: Requester = { id: 'person:cora', institution: operator };
const screening: Requester = { id: 'service:screening', institution: operator };
const found = {
  kyc: { status: 'approved', valid_until: '2027-03-31' },
  aml_risk: 'medium',
  sanctions: { result: 'clear', screened_at: '2026-11-20T06:00:00Z' },
  category: 'professional',
  suitable_for: ['D', 'S'],
};
const fileWith = (members: object) => {
  const file = exampleFile();
  const [first, ...others] = file.institutions;
  const cora = { id: compliance.id, institution: operator, roles: ['compliance'], federated: [], credentials: [] };
  return { ...file, people: [...file.people, cora], institutions: [{ ...first, ...members }, ...others] };
};

let rig: Rig;
let directory: DirectoryComponent;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(fileWith({ compliance: found }), proposer);
  rig.records.length = 0;
});
afterEach(() => rig.close());

const of = (members: object): readonly ComplianceFinding[] => [
  { institution: broker, compliance: { ...found, ...members } },
];
const record = (findings: readonly ComplianceFinding[]) =>
  directory.recordFindings(findings, compliance, 'the review of November');
const known = () => directory.snapshot().institution(broker)?.compliance;

describe('a compliance finding', () => {
  it('cannot be changed by directory administrators in any way', async () => {
    const attempts = [
      () => directory.apply(fileWith({ compliance: { ...found, aml_risk: 'low' } }), proposer),
      () => directory.apply(fileWith({ compliance: { ...found, aml_risk: 'prohibited' } }), proposer),
      () => directory.propose({ file: fileWith({ compliance: { ...found, aml_risk: 'low' } }) }, proposer, 'why not'),
      () => directory.edit({ put: { findings: of({ aml_risk: 'low' }) } }, proposer),
      () => directory.propose({ edit: { put: { findings: of({ aml_risk: 'low' }) } } }, proposer, 'why not'),
      () =>
        directory.apply(
          { institutions: [{ lei: exampleLei('529900NEWFIRM'), name: 'New', country: 'DE', compliance: found }] },
          proposer,
        ),
    ];
    for (const attempt of attempts) {
      const error = await refusalOf(attempt());
      expect(error).toMatchObject({ code: 'compliance_scope_required', facts: { institution_count: 1 } });
      expect(error.detail).toContain('POST /directory/findings');
    }
    expect(rig.records.map(({ type, reason }) => `${type} ${reason}`)).toEqual(
      attempts.map(() => 'access.refused compliance_scope_required'),
    );
    expect(known()?.amlRisk).toBe('medium');
  });

  it('cannot be approved from a proposal made while the directory was empty', async () => {
    const empty = await createRig();
    try {
      const node = await empty.open();
      const firm = { lei: exampleLei('529900NEWFIRM'), name: 'New', country: 'DE', compliance: found };
      const { id, digest } = await node.propose({ file: { institutions: [firm] } }, proposer, 'the first firm');
      await node.apply(exampleFile(), proposer);
      expect((await refusalOf(node.approve(id, digest, approver))).code).toBe('compliance_scope_required');
      expect(node.snapshot().institution(firm.lei)).toBeUndefined();
    } finally {
      await empty.close();
    }
  });

  it('stays as recorded when a file says the same of it, or nothing', async () => {
    await directory.apply(fileWith({ name: 'Renamed', compliance: found }), proposer);
    expect(directory.snapshot().institution(broker)).toMatchObject({
      name: 'Renamed',
      compliance: { amlRisk: 'medium' },
    });
    const { changes } = await directory.apply(fileWith({ name: 'Again' }), proposer, { prune: true });
    expect(changes).toEqual([{ change: 'change', kind: 'institution', id: broker, fields: ['name'] }]);
    for (const each of [directory, await rig.open()])
      expect(each.snapshot().institution(broker)).toMatchObject({ name: 'Again', compliance: { amlRisk: 'medium' } });
  });

  it.each<readonly [string, object]>([
    ['a newer screening with the same result', { sanctions: { result: 'clear', screened_at: '2026-11-20T18:00:00Z' } }],
    ['a match', { sanctions: { result: 'match', screened_at: '2026-11-20T18:00:00Z' } }],
    ['a higher risk', { aml_risk: 'prohibited' }],
    ['a review that has run out', { kyc: { status: 'expired', valid_until: '2027-03-31' } }],
    ['an earlier review', { kyc: { status: 'approved', valid_until: '2026-12-31' } }],
    ['less that it is suited for', { suitable_for: ['D'] }],
  ])('counts at once when it is no better: %s', async (_, members) => {
    expect(await directory.recordFindings(of(members), screening, 'the screening of today')).toEqual({
      version: 2,
      changes: [{ change: 'change', kind: 'institution', id: broker, fields: ['compliance'] }],
    });
    expect(rig.records).toMatchObject([{ type: 'directory.applied', subject: screening }]);
  });

  it('that nothing is known counts at once, and stops all business', async () => {
    await record([{ institution: broker, compliance: null }]);
    expect(known()).toBeUndefined();
    expect(directory.snapshot().institution(broker)).toMatchObject({ name: 'Example Broker AG' });
  });

  it.each<readonly [string, object]>([
    ['a lower risk', { aml_risk: 'low' }],
    ['a later review', { kyc: { status: 'approved', valid_until: '2030-12-31' } }],
    ['another category', { category: 'eligible-counterparty' }],
    ['more that it is suited for', { suitable_for: ['D', 'E', 'S'] }],
  ])('waits for a second person when it is better: %s', async (_, members) => {
    const before = known();
    const answer = await record(of(members));
    if (!('proposed' in answer)) throw new Error('it was recorded by one');
    expect(known()).toEqual(before);
    const { id, digest } = answer.proposed;
    expect((await refusalOf(directory.approve(id, digest, compliance))).code).toBe('change_self_approval');
    await directory.approve(id, digest, approver);
    expect(known()).not.toEqual(before);
    expect(rig.records.at(-1)).toMatchObject({ type: 'directory.applied', data: { proposed_by: compliance.id } });
  });

  it('cannot be eased by software, which is recorded, and the answer says who can', async () => {
    const eased = directory.recordFindings(of({ aml_risk: 'low' }), screening, 'the screening of today');
    expect((await refusalOf(eased)).code).toBe('person_needed');
    expect(rig.records).toMatchObject([
      { type: 'access.refused', reason: 'person_needed', subject: screening, data: { operation: 'compliance:record' } },
    ]);
    expect(known()?.amlRisk).toBe('medium');
  });

  it('is cleared by two people, and so is a first finding', async () => {
    await record(of({ sanctions: { result: 'match', screened_at: '2026-11-20T18:00:00Z' } }));
    expect(await record(of({}))).toHaveProperty('proposed');
    expect(await record([{ institution: venue, compliance: found }])).toHaveProperty('proposed');
    // One better finding makes all of them wait for a second person.
    expect(await record([...of({ aml_risk: 'high' }), { institution: custodian, compliance: found }])).toHaveProperty(
      'proposed',
    );
  });

  it('is checked as in a file, each at its location', async () => {
    const error = await refusalOf(
      record([
        { institution: broker, compliance: { ...found, aml_risk: 'none' } },
        {
          institution: broker,
          compliance: { ...found, sanctions: { result: 'clear', screened_at: '2030-01-01T00:00:00Z' } },
        },
        { institution: broker, compliance: found },
        { institution: exampleLei('529900NOBODY'), compliance: null },
      ]),
    );
    expect(
      problemsOf(error)
        .map(({ code, path }) => `${code} ${path}`)
        .sort(),
    ).toEqual([
      'directory_file_invalid /put/findings/0/compliance/aml_risk',
      'id_duplicate /put/findings/2',
      'reference_unknown /put/findings/3/institution',
      'sanctions_postdated /put/findings/1/compliance/sanctions/screened_at',
    ]);
    expect(directory.snapshot().version).toBe(1);
  });

  it('can be proposed only by people who may still record it', async () => {
    const scopes: string[] = [];
    const node = await rig.open({
      proposerStanding: async (proposal) => void scopes.push(proposal.scope) as undefined,
    });
    const answer = await node.recordFindings(of({ aml_risk: 'low' }), compliance, 'the review of November');
    if (!('proposed' in answer)) throw new Error('it was recorded by one');
    await node.approve(answer.proposed.id, answer.proposed.digest, approver);
    expect(scopes).toEqual(['compliance:record']);
  });
});
