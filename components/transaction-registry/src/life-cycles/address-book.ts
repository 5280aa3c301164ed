import type { LifeCycle, MandateNeed } from './life-cycle.ts';

const proposing: MandateNeed = { actingFor: 'initiator', action: 'withdrawal-address:propose' };

/** An address to withdraw to: approved by two people in turn, usable after its cooling-off, until it is revoked. */
export const addressBook: LifeCycle = {
  name: 'address-book',
  intentType: 'urn:countersign:rar:v1:address_book_change',
  initial: 'intended',
  states: {
    intended: {},
    proposed: {},
    approved: {},
    active: { atRest: true },
    revoked: { final: true },
    cancelled: { final: true },
  },
  rules: {
    propose: {
      from: ['intended'],
      to: 'proposed',
      actors: ['initiator'],
      scope: 'withdrawal-address:propose',
      mandates: [proposing],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
    },
    approve: {
      from: ['proposed'],
      to: 'approved',
      actors: ['initiator'],
      scope: 'withdrawal-address:approve',
      mandates: [proposing],
      onLapse: 'refuse',
      decided: false,
      // Operations compares the address first; compliance has the last word on whose it is.
      approvals: [
        { role: 'operations', count: 1, institution: 'initiator' },
        { role: 'compliance', count: 1, institution: 'initiator', ordered: true },
      ],
      duties: { notInitiator: true },
    },
    // Not before `cooling_off_until`: see `steps/rules.ts`.
    activate: {
      from: ['approved'],
      to: 'active',
      actors: ['initiator'],
      scope: 'withdrawal-address:approve',
      mandates: [proposing],
      onLapse: 'refuse',
      decided: false,
      duties: { notInitiator: true },
    },
    revoke: {
      from: ['approved', 'active'],
      to: 'revoked',
      actors: ['initiator'],
      scope: 'withdrawal-address:revoke',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    cancel: {
      from: ['intended', 'proposed'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'withdrawal-address:propose',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
