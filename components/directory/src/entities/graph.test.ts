import { digestOf } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { broker, custodian, exampleFile, exampleLei, venue } from '../testing/example-file.ts';
import { approver, changeByTwo, createRig, problemsOf, proposer, type Rig, refusalOf } from '../testing/rig.ts';

let rig: Rig;
let directory: DirectoryComponent;
beforeEach(async () => {
  rig = await createRig();
  directory = await rig.open();
});
afterEach(() => rig.close());

type Document = Record<string, unknown>;
const branchLei = exampleLei('529900BRKLONDON');

const london = (): Document => ({ institution: broker, name: 'London', country: 'GB', lei: branchLei });
const rates = (): Document => ({
  institution: broker,
  name: 'rates',
  branch: 'London',
  products: ['D'],
  venues: ['XEXA'],
  jurisdictions: ['GB'],
  hours: { time_zone: 'Europe/London', opens: '08:00', closes: '17:00', days: [1, 2, 3, 4, 5] },
});
const custody = (): Document => ({
  id: 'CUST/2026-1',
  institution: broker,
  type: 'custody',
  parties: [
    { lei: custodian, role: 'custodian' },
    { lei: broker, role: 'client' },
  ],
  from: '2026-01-01',
  until: '2027-12-31',
  document_hash: 'a'.repeat(43),
});
const codeOf = (holder: string, code: number): Document => ({ venue: 'XEXA', institution: broker, holder, code });

/** The example file with an entity of every kind. */
function wholeFile() {
  const file = exampleFile();
  const [house] = file.accounts;
  const [exchange] = file.venues;
  if (house === undefined || exchange === undefined) throw new Error('the example has an account and a venue');
  house['contract'] = 'CUST/2026-1';
  exchange['short_codes'] = 'required';
  return {
    ...file,
    branches: [london()],
    desks: [rates()],
    contracts: [custody()],
    short_codes: [
      codeOf('person:anna.keller', 4),
      codeOf('agent:vwap-1', Number.MAX_SAFE_INTEGER),
      codeOf(broker, 1_000),
    ],
  };
}

/** Changes one entity of a list. */
function spoiled(list: keyof ReturnType<typeof wholeFile>, members: Document, index = 0) {
  const file = wholeFile();
  const documents: Document[] = file[list];
  documents[index] = { ...documents[index], ...members };
  return file;
}

describe('the identity graph', () => {
  it('holds branches, contracts and short codes, and shows them identically on every node', async () => {
    await directory.apply(wholeFile(), proposer);
    for (const each of [directory, await rig.open()]) {
      const snapshot = each.snapshot();
      expect(snapshot.branch(`${broker}/London`)).toEqual({
        id: `${broker}/London`,
        institution: broker,
        name: 'London',
        country: 'GB',
        lei: branchLei,
      });
      expect(snapshot.desk(`${broker}/rates`)?.branch).toBe('London');
      expect(snapshot.contract('CUST/2026-1')).toEqual({
        id: 'CUST/2026-1',
        institution: broker,
        type: 'custody',
        parties: [
          { lei: broker, role: 'client' },
          { lei: custodian, role: 'custodian' },
        ].sort((a, b) => (a.lei < b.lei ? -1 : 1)),
        from: '2026-01-01',
        until: '2027-12-31',
        documentHash: 'a'.repeat(43),
      });
      expect(snapshot.account('BRK/HOUSE-1')?.contract).toBe('CUST/2026-1');
      expect(snapshot.venue('XEXA')?.shortCodes).toBe('required');
      expect(snapshot.shortCode('XEXA', 'person:anna.keller')).toBe(4);
      expect(snapshot.shortCode('XEXA', 'agent:vwap-1')).toBe(Number.MAX_SAFE_INTEGER);
      expect(snapshot.shortCode('XEXA', broker)).toBe(1_000);
      expect(snapshot.shortCode('XEXA', 'person:ben.ito')).toBeUndefined();
      expect(snapshot.shortCode('XOFF', 'person:anna.keller')).toBeUndefined();
    }
    expect(await directory.apply(wholeFile(), proposer)).toMatchObject({ changes: [] });
  });

  it('frees a code when it is taken from its holder', async () => {
    await directory.apply(wholeFile(), proposer);
    await directory.apply({ short_codes: [codeOf('person:anna.keller', 5)] }, proposer);
    await directory.apply({ short_codes: [codeOf('person:ben.ito', 4)] }, proposer);
    expect(directory.snapshot().shortCode('XEXA', 'person:anna.keller')).toBe(5);
    expect(directory.snapshot().shortCode('XEXA', 'person:ben.ito')).toBe(4);
  });

  it.each<readonly [string, ReturnType<typeof wholeFile>, string]>([
    [
      'a branch without an owner',
      spoiled('branches', { institution: exampleLei('529900NOBODY') }),
      'reference_unknown /branches/0/institution',
    ],
    [
      'a branch whose LEI does not add up',
      spoiled('branches', { lei: `${branchLei.slice(0, 18)}00` }),
      'lei_check_digits /branches/0/lei',
    ],
    ['a branch with the LEI of an institution', spoiled('branches', { lei: venue }), 'id_duplicate /branches/0/lei'],
    [
      'a desk in a branch that does not exist',
      spoiled('desks', { branch: 'Paris' }),
      'reference_unknown /desks/0/branch',
    ],
    [
      'a contract with one party',
      spoiled('contracts', {
        parties: [
          { lei: broker, role: 'a' },
          { lei: broker, role: 'b' },
        ],
      }),
      'directory_file_invalid /contracts/0/parties',
    ],
    [
      'a contract kept by somebody else',
      spoiled('contracts', { institution: venue }),
      'directory_file_invalid /contracts/0/institution',
    ],
    [
      'a contract with somebody unknown',
      spoiled('contracts', {
        parties: [
          { lei: broker, role: 'a' },
          { lei: exampleLei('529900NOBODY'), role: 'b' },
        ],
      }),
      'reference_unknown /contracts/0/parties/1/lei',
    ],
    [
      'a contract that ends before it begins',
      spoiled('contracts', { until: '2025-12-31' }),
      'directory_file_invalid /contracts/0/until',
    ],
    [
      'a contract from an invalid day',
      spoiled('contracts', { from: '2026-02-30' }),
      'directory_file_invalid /contracts/0/from',
    ],
    [
      'an account under a contract that does not exist',
      spoiled('accounts', { contract: 'OTHER' }),
      'reference_unknown /accounts/0/contract',
    ],
    [
      'an account under a contract of others',
      spoiled('contracts', {
        institution: venue,
        parties: [
          { lei: venue, role: 'a' },
          { lei: custodian, role: 'b' },
        ],
      }),
      'directory_file_invalid /accounts/0/contract',
    ],
    ['one code for two holders', spoiled('short_codes', { code: 1_000 }), 'short_code_shared /short_codes/2/code'],
    ['two codes for one holder', spoiled('short_codes', { holder: broker }), 'id_duplicate /short_codes/2'],
    [
      'a code with a meaning of its own',
      spoiled('short_codes', { code: 3 }),
      'directory_file_invalid /short_codes/0/code',
    ],
    [
      'a code beyond exact numbers',
      spoiled('short_codes', { code: 2 ** 53 }),
      'directory_file_invalid /short_codes/0/code',
    ],
    [
      'a code for nobody',
      spoiled('short_codes', { holder: 'person:nobody' }),
      'reference_unknown /short_codes/0/holder',
    ],
    [
      'a code for another institution',
      spoiled('short_codes', { holder: venue }),
      'directory_file_invalid /short_codes/0/holder',
    ],
    ['a code at an unknown venue', spoiled('short_codes', { venue: 'XOFF' }), 'reference_unknown /short_codes/0/venue'],
    [
      'a venue that wants something else',
      spoiled('venues', { short_codes: 'maybe' }),
      'directory_file_invalid /venues/0/short_codes',
    ],
  ])('refuses %s', async (_name, file, problem) => {
    const error = await refusalOf(directory.apply(file, proposer));
    expect(problemsOf(error).map(({ code, path }) => `${code} ${path}`)).toContain(problem);
    expect(directory.snapshot().version).toBe(0);
  });

  it('refuses a code for another institution’s principal, and one stored for another holder', async () => {
    await directory.apply(wholeFile(), proposer);
    const others = await refusalOf(
      directory.apply(
        { short_codes: [{ venue: 'XEXA', institution: venue, holder: 'service:oms', code: 77 }] },
        proposer,
      ),
    );
    expect(problemsOf(others)).toMatchObject([{ code: 'directory_file_invalid', path: '/short_codes/0/holder' }]);
    const taken = await refusalOf(directory.apply({ short_codes: [codeOf('service:oms', 4)] }, proposer));
    expect(taken.code).toBe('short_code_shared');
  });
});

describe('a signatory', () => {
  const signing = (authority: unknown, roles = ['signatory']) =>
    spoiled('people', { roles, signing_authority: authority }, 1);

  it('binds as far as the directory says', async () => {
    await directory.apply(
      signing({ kinds: ['standing-authority', 'mandate'], up_to: { amount: '1000000.5', ccy: 'EUR' }, alone: false }),
      proposer,
    );
    expect(directory.snapshot().principal('person:ben.ito')).toMatchObject({
      signingAuthority: {
        kinds: ['mandate', 'standing-authority'],
        upTo: { amount: '1000000.5', ccy: 'EUR' },
        alone: false,
      },
    });
  });

  it('that is software binds up to an amount, and has no authority without one', async () => {
    await directory.apply(exampleFile(), proposer);
    const service = (authority: object) => ({
      services: [{ id: 'service:signing', institution: broker, roles: ['signatory'], signing_authority: authority }],
    });
    const error = await refusalOf(directory.apply(service({ alone: true }), proposer));
    expect(problemsOf(error)).toMatchObject([{ path: '/services/0/signing_authority' }]);
    const bound = { up_to: { amount: '1000', ccy: 'EUR' }, alone: true };
    const { id, digest } = await directory.propose({ file: service(bound) }, proposer, 'A test');
    await directory.approve(id, digest, approver);
    expect(directory.snapshot().principal('service:signing')).toMatchObject({
      signingAuthority: { upTo: { amount: '1000', ccy: 'EUR' }, alone: true },
    });
  });

  it.each<readonly [string, ReturnType<typeof wholeFile>, string]>([
    ['without saying whether alone', signing({}), '/people/1/signing_authority'],
    [
      'for a kind that does not exist',
      signing({ kinds: ['treaty'], alone: true }),
      '/people/1/signing_authority/kinds/0',
    ],
    [
      'up to what is no amount',
      signing({ up_to: { amount: '-1', ccy: 'EUR' }, alone: true }),
      '/people/1/signing_authority/up_to/amount',
    ],
    [
      'up to an amount that cannot be paid',
      signing({ up_to: { amount: '1.5', ccy: 'JPY' }, alone: true }),
      '/people/1/signing_authority/up_to/amount',
    ],
    [
      'in no currency',
      signing({ up_to: { amount: '1', ccy: 'XXY' }, alone: true }),
      '/people/1/signing_authority/up_to/ccy',
    ],
    ['without being one', signing({ alone: true }, ['trader']), '/people/1/signing_authority'],
  ])('is refused %s', async (_name, file, path) => {
    const error = await refusalOf(directory.apply(file, proposer));
    expect(problemsOf(error).map((problem) => problem.path)).toContain(path);
  });
});

describe('a person who is not active', () => {
  it('is not found by look-ups of actors, still reserves their key, and comes back', async () => {
    const file = wholeFile();
    await directory.apply(file, proposer);
    const ben = directory.snapshot().principal('person:ben.ito');
    const kid = ben?.kind === 'person' ? (ben.credentials[0]?.kid ?? '') : '';
    await directory.apply(spoiled('people', { active: false }, 1), proposer);
    for (const each of [directory, await rig.open()]) {
      const snapshot = each.snapshot();
      expect(snapshot.principal('person:ben.ito')).toBeUndefined();
      expect(snapshot.credential(kid)).toBeUndefined();
      expect(snapshot.recordOf('person:ben.ito')).toBeUndefined();
      expect(snapshot.federatedPerson('https://idp.broker.example', 'u-1002')).toBeUndefined();
      expect([...snapshot.principals()].some(({ id }) => id === 'person:ben.ito')).toBe(false);
      expect(snapshot.knownPrincipal('person:ben.ito')).toMatchObject({ active: false, desk: 'rates' });
    }
    const [, second] = file.people;
    const taken = await refusalOf(
      directory.apply({ people: [{ ...second, id: 'person:other', federated: [] }] }, proposer),
    );
    expect(taken.code).toBe('credential_shared');
    await changeByTwo(directory, { file: spoiled('people', { active: true }, 1) });
    expect(directory.snapshot().credential(kid)?.principal).toBe('person:ben.ito');
    expect(directory.snapshot().recordOf('person:ben.ito')).toBe(
      rig.records.filter(({ type }) => type === 'directory.applied').at(-1)?.id,
    );
  });
});

describe('an edit of a document that was read', () => {
  const anna = (members: Document = {}) => ({ ...exampleFile().people[0], ...members });

  it('updates a person', async () => {
    await directory.apply(exampleFile(), proposer);
    const { changes } = await directory.edit({ put: { people: [anna({ desk: 'credit' })] } }, proposer);
    expect(changes).toEqual([{ change: 'change', kind: 'person', id: 'person:anna.keller', fields: ['desk'] }]);
    const error = await refusalOf(directory.edit({ put: { people: [anna({ desk: ' ' })] } }, proposer));
    expect(problemsOf(error)).toMatchObject([{ path: '/put/people/0/desk' }]);
  });

  it('is refused when somebody else has changed it since', async () => {
    await directory.apply(exampleFile(), proposer);
    const read = directory.person('person:anna.keller');
    if (read === undefined) throw new Error('she is there');
    const expected = [{ kind: 'person', id: 'person:anna.keller', digest: digestOf(read) }] as const;
    await directory.edit({ put: { people: [{ ...read, desk: 'credit' }] } }, proposer, { expected });
    expect(
      (await refusalOf(directory.edit({ put: { people: [{ ...read, desk: 'fx' }] } }, proposer, { expected }))).code,
    ).toBe('directory_changed_meanwhile');
    expect(directory.snapshot().principal('person:anna.keller')?.desk).toBe('credit');
  });

  it('adds a person only if there is none, of many who try at once', async () => {
    await directory.apply(exampleFile(), proposer);
    const other = await rig.open();
    const put = { people: [anna({ id: 'person:new', federated: [] })] };
    const expected = [{ kind: 'person', id: 'person:new', digest: null }] as const;
    const outcomes = await Promise.allSettled(
      [directory, other, directory, other].map((each, index) =>
        each.edit({ put: { people: put.people.map((person) => ({ ...person, desk: `d${index}` })) } }, proposer, {
          expected,
        }),
      ),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
  });
});
