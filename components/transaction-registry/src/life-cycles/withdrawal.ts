import { hour, type LifeCycle, type MandateNeed } from './life-cycle.ts';

const withdrawing: MandateNeed = { actingFor: 'initiator', action: 'withdrawal:request' };

/**
 * A withdrawal to an address of the book. It is released by a person who neither started nor approved it, after two
 * people of operations from another desk have approved.
 */
export const withdrawal: LifeCycle = {
  name: 'withdrawal',
  intentType: 'urn:countersign:rar:v1:withdrawal',
  initial: 'intended',
  states: {
    intended: {},
    requested: { counts: true },
    released: { counts: true, executed: true, awaits: { events: ['confirm', 'fail'], withinSeconds: 6 * hour } },
    confirmed: { counts: true, executed: true, final: true },
    // Only the firm itself says that it failed: what was released counts all the same.
    failed: { counts: true, executed: true, final: true },
    rejected: { final: true },
    cancelled: { final: true },
  },
  rules: {
    request: {
      from: ['intended'],
      to: 'requested',
      actors: ['initiator'],
      scope: 'withdrawal:request',
      mandates: [withdrawing],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
    },
    // Nothing has left the firm until then: where authority has lapsed a refusal is enough.
    release: {
      from: ['requested'],
      to: 'released',
      actors: ['initiator'],
      scope: 'withdrawal:release',
      mandates: [withdrawing],
      onLapse: 'refuse',
      decided: true,
      approvals: [{ role: 'operations', count: 2, institution: 'initiator', independent: true }],
      duties: { notInitiator: true, notApprover: true },
      inTime: true,
    },
    confirm: {
      from: ['released'],
      to: 'confirmed',
      actors: ['initiator'],
      scope: 'withdrawal:release',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    fail: {
      from: ['released'],
      to: 'failed',
      actors: ['initiator'],
      scope: 'withdrawal:release',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    reject: {
      from: ['requested'],
      to: 'rejected',
      actors: ['initiator'],
      scope: 'withdrawal:approve',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
      duties: { notInitiator: true },
    },
    cancel: {
      from: ['intended', 'requested'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'withdrawal:request',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
