import type { LifeCycle } from './life-cycle.ts';

/** A change to the control plane: applied after two people of the institution that asked for it have approved. */
export const administration: LifeCycle = {
  name: 'administration',
  intentType: 'urn:countersign:rar:v1:privileged_admin',
  initial: 'intended',
  states: {
    intended: {},
    applied: { executed: true, final: true },
    cancelled: { final: true },
  },
  rules: {
    apply: {
      from: ['intended'],
      to: 'applied',
      actors: ['initiator'],
      scope: 'directory:apply',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
      approvals: [{ role: 'operations', count: 2, institution: 'initiator' }],
      duties: { notApprover: true, person: true },
      inTime: true,
    },
    cancel: {
      from: ['intended'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'directory:apply',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
