import { day, type LifeCycle } from './life-cycle.ts';

export const report: LifeCycle = {
  name: 'report',
  intentType: 'urn:countersign:rar:v1:regulatory_report',
  initial: 'intended',
  states: {
    intended: {},
    submitted: { executed: true, awaits: { events: ['accept', 'reject'], withinSeconds: day } },
    accepted: { executed: true, atRest: true },
    rejected: { executed: true },
    failed: { executed: true, final: true },
    cancelled: { final: true },
  },
  rules: {
    submit: {
      from: ['intended'],
      to: 'submitted',
      actors: ['initiator'],
      scope: 'report:submit',
      mandates: [{ actingFor: 'initiator', action: 'report:submit' }],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
    },
    // A firm whose repository has no access of its own passes on what the repository answered.
    accept: {
      from: ['submitted'],
      to: 'accepted',
      actors: ['repository', 'initiator'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    reject: {
      from: ['submitted'],
      to: 'rejected',
      actors: ['repository', 'initiator'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    correct: {
      from: ['accepted', 'rejected'],
      to: 'submitted',
      actors: ['initiator'],
      scope: 'report:correct',
      mandates: [{ actingFor: 'initiator', action: 'report:correct' }],
      onLapse: 'exception',
      decided: false,
    },
    cancel: {
      from: ['intended'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'report:submit',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
