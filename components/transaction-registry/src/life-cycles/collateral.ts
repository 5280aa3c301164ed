import { day, type LifeCycle, type MandateNeed } from './life-cycle.ts';

const transferring: MandateNeed = { actingFor: 'initiator', action: 'collateral:transfer' };

/** Collateral: pledged, approved by somebody of operations, transferred, and recalled when the exposure is gone. */
export const collateral: LifeCycle = {
  name: 'collateral',
  intentType: 'urn:countersign:rar:v1:collateral_transfer',
  initial: 'intended',
  states: {
    intended: {},
    pledged: { awaits: { events: ['approve', 'reject'], withinSeconds: day } },
    approved: {},
    transferred: { counts: true, executed: true, atRest: true },
    returned: { executed: true, final: true },
    // Reached by giving up on it alone: nobody has said that it did not go.
    failed: { counts: true, executed: true, final: true },
    rejected: { final: true },
    cancelled: { final: true },
  },
  rules: {
    pledge: {
      from: ['intended'],
      to: 'pledged',
      actors: ['initiator'],
      scope: 'margin:pledge',
      mandates: [transferring],
      onLapse: 'refuse',
      decided: false,
      inTime: true,
    },
    approve: {
      from: ['pledged'],
      to: 'approved',
      actors: ['initiator'],
      scope: 'collateral:approve',
      mandates: [transferring],
      onLapse: 'refuse',
      decided: false,
      approvals: [{ role: 'operations', count: 2, institution: 'initiator' }],
      duties: { notInitiator: true },
    },
    transfer: {
      from: ['approved'],
      to: 'transferred',
      actors: ['initiator'],
      scope: 'collateral:transfer',
      mandates: [transferring],
      onLapse: 'refuse',
      decided: true,
      duties: { notApprover: true },
    },
    recall: {
      from: ['transferred'],
      to: 'returned',
      actors: ['initiator'],
      scope: 'margin:recall',
      mandates: [transferring],
      onLapse: 'exception',
      decided: false,
    },
    reject: {
      from: ['pledged'],
      to: 'rejected',
      actors: ['initiator'],
      scope: 'collateral:approve',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    cancel: {
      from: ['intended', 'pledged', 'approved'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'margin:pledge',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
