import { describe, expect, it } from 'vitest';
import { counterpartyRoles, fixPartyRoles, partyRoles, personRoles, roleOfFixPartyRole } from './index.ts';

describe('roles', () => {
  it('are named once each, and no institution role is a person role', () => {
    const all: readonly string[] = [...partyRoles, ...personRoles];
    expect(new Set(all).size).toBe(all.length);
  });

  it('of FIX map only to existing roles', () => {
    const all: readonly string[] = [...partyRoles, ...personRoles];
    for (const [number, role] of Object.entries(roleOfFixPartyRole)) {
      expect(Object.keys(fixPartyRoles)).toContain(number);
      expect(all).toContain(role);
    }
  });

  it('separate deciding on an investment from executing it', () => {
    expect(roleOfFixPartyRole[122]).toBe('InvestmentDecisionMaker');
    expect(roleOfFixPartyRole[12]).toBe('ExecutionWithinFirm');
  });

  it('never count a client as a counterparty', () => {
    expect(counterpartyRoles).not.toContain('Client');
  });
});
