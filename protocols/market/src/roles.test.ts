import { describe, expect, it } from 'vitest';
import { counterpartyRoles, fixPartyRoles, partyRoles, personRoles, roleOfFixPartyRole } from './index.ts';

describe('roles', () => {
  it('are named once each, and no firm role is a person role', () => {
    const all: readonly string[] = [...partyRoles, ...personRoles];
    expect(new Set(all).size).toBe(all.length);
  });

  it('of FIX lead only to roles that there are', () => {
    const all: readonly string[] = [...partyRoles, ...personRoles];
    for (const [number, role] of Object.entries(roleOfFixPartyRole)) {
      expect(Object.keys(fixPartyRoles)).toContain(number);
      expect(all).toContain(role);
    }
  });

  it('keep who decides on an investment apart from who executes it', () => {
    expect(roleOfFixPartyRole[122]).toBe('InvestmentDecisionMaker');
    expect(roleOfFixPartyRole[12]).toBe('ExecutionWithinFirm');
  });

  it('count a client never as a counterparty', () => {
    expect(counterpartyRoles).not.toContain('Client');
  });
});
