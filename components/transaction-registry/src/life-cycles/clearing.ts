import { hour, type LifeCycle } from './life-cycle.ts';

/** A trade submitted to a central counterparty: taken up by the clearing firm, accepted or not. */
export const clearing: LifeCycle = {
  name: 'clearing',
  intentType: 'urn:countersign:rar:v1:clearing_submission',
  initial: 'intended',
  states: {
    intended: {},
    submitted: { awaits: { events: ['acknowledge', 'accept', 'reject'], withinSeconds: hour } },
    acknowledged: { awaits: { events: ['accept', 'reject'], withinSeconds: hour } },
    accepted: { executed: true, final: true },
    rejected: { final: true },
    cancelled: { final: true },
  },
  rules: {
    submit: {
      from: ['intended'],
      to: 'submitted',
      actors: ['initiator'],
      scope: 'trade:affirm',
      mandates: [{ actingFor: 'initiator', action: 'trade:affirm' }],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
    },
    acknowledge: {
      from: ['submitted'],
      to: 'acknowledged',
      actors: ['clearing-firm'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    accept: {
      from: ['submitted', 'acknowledged'],
      to: 'accepted',
      actors: ['ccp'],
      scope: 'trade:affirm',
      mandates: [{ actingFor: 'initiator', action: 'trade:affirm' }],
      onLapse: 'exception',
      decided: false,
    },
    reject: {
      from: ['submitted', 'acknowledged'],
      to: 'rejected',
      actors: ['ccp', 'clearing-firm'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    cancel: {
      from: ['intended', 'submitted', 'acknowledged'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'trade:bust',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
