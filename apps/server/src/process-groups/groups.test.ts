import { keyPurposes } from '@countersign/contracts';
import { describe, expect, it } from 'vitest';
import { connectionBudget } from '../database/database.ts';
import { migratedComponents } from '../database/migrated-components.ts';
import { groupOf, groupParts, processGroups } from './groups.ts';

const parts = processGroups.map((group) => groupParts[group]);

describe('the groups of processes', () => {
  it('contain every component with a database role, each in one group', () => {
    const stored = parts.flatMap((part) => part.stored);
    expect([...stored].sort()).toEqual(migratedComponents.map(({ name }) => name).sort());
  });

  it('contain every signing key, each in one group', () => {
    expect(parts.flatMap((part) => part.keyPurposes).sort()).toEqual([...keyPurposes].sort());
  });

  it('keep the log and its key where nothing else is decided or served', () => {
    expect(groupOf('audit-log')).toBe('evidence');
    expect(groupParts.evidence.keyPurposes).toContain('log-checkpoint');
    expect(() => groupOf('somebody-else')).toThrow('belongs to no group');
  });

  it('need together as many connections as one process with every component', () => {
    const together = parts.reduce((sum, { stored }) => sum + connectionBudget(stored), 0);
    expect(together).toBe(connectionBudget(migratedComponents.map(({ name }) => name)));
    expect(connectionBudget(groupParts.egress.stored)).toBe(15);
  });
});
