import { day, type LifeCycle, type MandateNeed, minute } from './life-cycle.ts';

const placing: MandateNeed = { actingFor: 'initiator', action: 'order:create' };
const settling: MandateNeed = { actingFor: 'initiator', action: 'settlement:instruct' };

export const order: LifeCycle = {
  name: 'order',
  intentType: 'urn:countersign:rar:v1:trade_order',
  initial: 'intended',
  states: {
    intended: {},
    // A venue acknowledges an order at once; how long the order rests there depends on its time in force.
    submitted: {
      counts: true,
      awaits: { events: ['acknowledge', 'execute', 'reject'], withinSeconds: 15 * minute },
    },
    acknowledged: { counts: true },
    executed: { counts: true, executed: true, awaits: { events: ['clear'], withinSeconds: day } },
    cleared: { counts: true, executed: true, awaits: { events: ['settle'], withinSeconds: 4 * day } },
    settled: { counts: true, executed: true, final: true },
    failed: { counts: true, executed: true, final: true },
    cancelled: { final: true },
    rejected: { final: true },
    expired: { final: true },
  },
  rules: {
    submit: {
      from: ['intended'],
      to: 'submitted',
      actors: ['ExecutingBroker'],
      scope: 'order:create',
      mandates: [placing],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
    },
    acknowledge: {
      from: ['submitted'],
      to: 'acknowledged',
      actors: ['ExecutionFacility'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    execute: {
      from: ['submitted', 'acknowledged'],
      to: 'executed',
      actors: ['ExecutionFacility'],
      scope: 'trade:affirm',
      mandates: [placing],
      onLapse: 'exception',
      decided: false,
    },
    clear: {
      from: ['executed'],
      to: 'cleared',
      actors: ['ClearingFirm'],
      scope: 'settlement:instruct',
      mandates: [settling, { actingFor: 'ClearingFirm', action: 'settlement:instruct' }],
      onLapse: 'exception',
      decided: true,
    },
    settle: {
      from: ['cleared'],
      to: 'settled',
      actors: ['Custodian'],
      scope: 'settlement:release',
      // Releasing is part of the settlement instructed; the custodian has its own word, not a mandate cut from this.
      mandates: [settling],
      onLapse: 'exception',
      decided: true,
    },
    cancel: {
      from: ['intended', 'submitted', 'acknowledged'],
      to: 'cancelled',
      actors: ['initiator', 'ExecutingBroker'],
      scope: 'order:cancel',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    reject: {
      from: ['submitted', 'acknowledged'],
      to: 'rejected',
      actors: ['ExecutionFacility'],
      scope: 'trade:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    expire: {
      from: ['submitted', 'acknowledged'],
      to: 'expired',
      actors: ['ExecutionFacility', 'ExecutingBroker'],
      scope: 'order:cancel',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
