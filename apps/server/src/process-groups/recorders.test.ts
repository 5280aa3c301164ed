import type { RecordDraft } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { mayAsk } from './callers.ts';
import { componentsOf, processGroups } from './groups.ts';
import { mayRecord } from './recorders.ts';

const draftOf = (source: string, type: string, data: object = {}): RecordDraft =>
  ({ source, type, data, actors: [], references: [] }) as unknown as RecordDraft;

describe('records that a process may write', () => {
  it('are those of the components of its group and of no other', () => {
    for (const process of processGroups)
      for (const group of processGroups)
        for (const source of componentsOf(group)) {
          const expected = process === group || (process === 'edge' && source === 'federation-gateway');
          expect(mayRecord(process, draftOf(source, 'directory.committed')), `${process} as ${source}`).toBe(expected);
        }
  });

  it('are none for an unknown group', () => {
    for (const process of ['', 'unknown', '__proto__', 'constructor'])
      expect(mayRecord(process, draftOf('directory', 'directory.committed'))).toBe(false);
  });

  it('may be about its own keys, or a differing row, if they match the schema and add nothing', () => {
    for (const type of ['key.published', 'row.rejected', 'access.refused'])
      expect(mayRecord('egress', draftOf('authorization-server', type, { of: 'mandate:1', more: true })), type).toBe(
        false,
      );
    expect(mayRecord('egress', draftOf('authorization-server', 'token.issued'))).toBe(false);
  });

  it('are restricted for records only', () => {
    const draft = draftOf('directory', 'directory.committed');
    expect(mayAsk('edge', 'audit-log', 'append', [draft])).toBe(false);
    expect(mayAsk('core', 'audit-log', 'append', [draft])).toBe(true);
    expect(mayAsk('edge', 'audit-log', 'standings', [['mandate:1']])).toBe(true);
  });
});
