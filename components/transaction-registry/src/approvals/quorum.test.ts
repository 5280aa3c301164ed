import type { Person, Principal } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { broker, clearer, personOf } from '../../../consent-store/src/testing/firms.ts';
import { missingApprovals, quorumFault, type RequiredApproval } from './quorum.ts';

const at = (desk: string, person: Person): Person => ({ ...person, desk });
const initiator = at('rates', personOf(broker, 'tess', 'trader'));
const people = [
  initiator,
  personOf(broker, 'olga', 'operations'),
  personOf(broker, 'oscar', 'operations'),
  at('rates', personOf(broker, 'rolf', 'operations', 'desk-head')),
  at('credit', personOf(broker, 'cara', 'operations', 'desk-head')),
  personOf(broker, 'dora', 'operations', 'trader'),
  personOf(broker, 'hugo', 'desk-head'),
  personOf(broker, 'carla', 'compliance'),
  personOf(clearer, 'fergus', 'operations'),
];
const principals = new Map<string, Principal>(people.map((person) => [person.id, person]));
const directory = { principal: (id: string) => principals.get(id) };
const transaction = { initiator: initiator.id };

function approvedBy(...given: readonly (readonly [string, string])[]) {
  return given.map(([name, role]) => {
    const approver = `person:${name}`;
    return { approver, role, institution: directory.principal(approver)?.institution ?? broker };
  });
}
const want = (role: string, count: number, more: Partial<RequiredApproval> = {}): RequiredApproval => ({
  role,
  count,
  institution: broker,
  independent: false,
  ordered: false,
  ...more,
});
const missing = (wanted: readonly RequiredApproval[], ...given: readonly (readonly [string, string])[]) =>
  missingApprovals(wanted, { transaction, approvals: approvedBy(...given), directory }).map(({ role, count }) => [
    role,
    count,
  ]);

describe('n of m', () => {
  it.each([
    ['nobody', [], [['operations', 2]]],
    ['one of two', [['olga', 'operations']], [['operations', 1]]],
    [
      'two',
      [
        ['olga', 'operations'],
        ['oscar', 'operations'],
      ],
      [],
    ],
    [
      'the same person twice',
      [
        ['olga', 'operations'],
        ['olga', 'operations'],
      ],
      [['operations', 1]],
    ],
    [
      'people of another role',
      [
        ['carla', 'compliance'],
        ['hugo', 'desk-head'],
      ],
      [['operations', 2]],
    ],
    [
      'people of another institution',
      [
        ['fergus', 'operations'],
        ['olga', 'operations'],
      ],
      [['operations', 1]],
    ],
    [
      'the initiator',
      [
        ['tess', 'operations'],
        ['olga', 'operations'],
      ],
      [['operations', 1]],
    ],
    [
      'somebody the directory does not know',
      [
        ['nobody', 'operations'],
        ['olga', 'operations'],
      ],
      [['operations', 1]],
    ],
  ] as const)('is judged by different people: %s', (_, given, left) => {
    expect(missing([want('operations', 2)], ...given)).toEqual(left);
  });

  it('is required of each institution separately', () => {
    const both = [want('operations', 1), want('operations', 1, { institution: clearer })];
    expect(missing(both, ['olga', 'operations'])).toEqual([['operations', 1]]);
    expect(missing(both, ['olga', 'operations'], ['fergus', 'operations'])).toEqual([]);
  });

  it('counts a desk’s approval for that desk only, and an approver who heads several for each', () => {
    expect(missing([want('desk-head', 1)], ['cara', 'desk-head'])).toEqual([['desk-head', 1]]);
    expect(missing([want('desk-head', 1)], ['rolf', 'desk-head'])).toEqual([]);
    expect(missing([want('desk-head', 1)], ['hugo', 'desk-head'])).toEqual([]);
  });
});

describe('an independent control function', () => {
  const independent = [want('operations', 1, { independent: true })];
  it.each([
    ['is not of the desk that began it', 'rolf', [['operations', 1]]],
    ['does not deal itself', 'dora', [['operations', 1]]],
    ['may be of another desk', 'cara', []],
    ['may be of none', 'olga', []],
  ] as const)('%s', (_, name, left) => {
    expect(missing(independent, [name, 'operations'])).toEqual(left);
  });

  it('is compliance, operations or risk', () => {
    expect(missing([want('desk-head', 1, { independent: true })], ['hugo', 'desk-head'])).toEqual([['desk-head', 1]]);
    expect(missing([want('compliance', 1, { independent: true })], ['carla', 'compliance'])).toEqual([]);
  });
});

describe('an approval in sequence', () => {
  const inOrder = [want('operations', 2), want('compliance', 1, { ordered: true })];
  it.each([
    [
      'after all that come before it',
      [
        ['olga', 'operations'],
        ['oscar', 'operations'],
        ['carla', 'compliance'],
      ],
      [],
    ],
    [
      'not before them',
      [
        ['carla', 'compliance'],
        ['olga', 'operations'],
        ['oscar', 'operations'],
      ],
      [['compliance', 1]],
    ],
    [
      'not between them',
      [
        ['olga', 'operations'],
        ['carla', 'compliance'],
        ['oscar', 'operations'],
      ],
      [['compliance', 1]],
    ],
    [
      'not without them',
      [['carla', 'compliance']],
      [
        ['operations', 2],
        ['compliance', 1],
      ],
    ],
  ] as const)('counts %s', (_, given, left) => {
    expect(missing(inOrder, ...given)).toEqual(left);
  });
});

it('names the missing approvals, by role and number', () => {
  const fault = quorumFault([want('operations', 2, { independent: true })], {
    transaction,
    approvals: approvedBy(['olga', 'operations']),
    directory,
  });
  expect(fault).toMatchObject({
    code: 'approval_required',
    facts: {
      obligations: [{ kind: 'approval', role: 'operations', count: 1, institution: broker, independent: true }],
    },
  });
  expect(fault?.detail).toContain('operations');
});
