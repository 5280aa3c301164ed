import { describe, expect, it } from 'vitest';
import type { Schemas } from '../../api.ts';
import { countsOf, drawChanges, drawDifferences } from './draw-changes.ts';

const changes: readonly Schemas['PlannedDirectoryChange'][] = [
  { change: 'add', kind: 'person', id: 'person:new' },
  {
    change: 'change',
    kind: 'person',
    id: 'person:anna.keller',
    fields: ['desk', 'federated', 'roles'],
    before: { desk: 'rates', federated: 1, roles: ['auditor', 'trader'] },
    after: { federated: 1, roles: ['desk-head', 'trader'] },
  },
  { change: 'remove', kind: 'client', id: 'old\u001b[2J' },
];

describe('changes of the directory', () => {
  it('are drawn with removed and added values, and only the differences of lists', () => {
    expect(drawDifferences(changes)).toEqual([
      '+ person       person:new',
      '~ person       person:anna.keller',
      '  - desk  rates',
      '    federated is another one',
      '  - roles  auditor',
      '  + roles  desk-head',
      '- client       old\\u001b[2J',
    ]);
  });

  it('are drawn one per line, and counted', () => {
    expect(drawChanges(changes)).toEqual([
      '+ person       person:new',
      '~ person       person:anna.keller  desk, federated, roles',
      '- client       old\\u001b[2J',
    ]);
    expect(countsOf(changes)).toBe('1 added, 1 changed, 1 removed');
  });

  it('are shortened if too many to read', () => {
    const many = Array.from(
      { length: 1_500 },
      (_, index) => ({ change: 'add', kind: 'person', id: `p${index}` }) as const,
    );
    const lines = drawChanges(many);
    expect(lines).toHaveLength(1_001);
    expect(lines.at(-1)).toBe('and 500 more');
  });
});
