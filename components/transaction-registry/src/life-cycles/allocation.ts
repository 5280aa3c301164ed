import { day, type LifeCycle } from './life-cycle.ts';

/** An allocation of executions to accounts, approved by a second person, and given up to another firm where it names one. */
export const allocation: LifeCycle = {
  name: 'allocation',
  intentType: 'urn:countersign:rar:v1:allocation',
  initial: 'intended',
  states: {
    intended: {},
    proposed: { awaits: { events: ['approve', 'reject'], withinSeconds: day } },
    approved: {},
    'given-up': { executed: true, final: true },
    rejected: { final: true },
    cancelled: { final: true },
  },
  rules: {
    propose: {
      from: ['intended'],
      to: 'proposed',
      actors: ['initiator'],
      scope: 'allocation:propose',
      mandates: [{ actingFor: 'initiator', action: 'allocation:propose' }],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
      trade: true,
    },
    approve: {
      from: ['proposed'],
      to: 'approved',
      actors: ['initiator'],
      scope: 'allocation:approve',
      mandates: [{ actingFor: 'initiator', action: 'allocation:propose' }],
      onLapse: 'refuse',
      decided: false,
      duties: { notInitiator: true, person: true, approver: true },
      trade: true,
    },
    // The firm that takes the trade up does so in its own name.
    'give-up': {
      from: ['approved'],
      to: 'given-up',
      actors: ['giveup'],
      scope: 'allocation:giveup',
      mandates: [{ actingFor: 'initiator', action: 'allocation:propose' }],
      onLapse: 'exception',
      decided: false,
      trade: true,
    },
    reject: {
      from: ['proposed', 'approved'],
      to: 'rejected',
      actors: ['initiator', 'giveup'],
      scope: 'allocation:approve',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    cancel: {
      from: ['intended', 'proposed'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'allocation:propose',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
