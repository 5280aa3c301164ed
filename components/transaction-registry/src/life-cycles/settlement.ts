import { day, hour, type LifeCycle, type MandateNeed } from './life-cycle.ts';

const instructing: MandateNeed = { actingFor: 'initiator', action: 'settlement:instruct' };

/** A settlement instruction: affirmed by the other end, released, and settled or failed. */
export const settlement: LifeCycle = {
  name: 'settlement',
  intentType: 'urn:countersign:rar:v1:settlement_instruction',
  initial: 'intended',
  states: {
    intended: {},
    instructed: { counts: true, awaits: { events: ['affirm'], withinSeconds: 4 * hour } },
    affirmed: { counts: true },
    released: { counts: true, executed: true, awaits: { events: ['settle', 'fail'], withinSeconds: 3 * day } },
    settled: { counts: true, executed: true, final: true },
    failed: { executed: true, final: true },
    cancelled: { final: true },
  },
  rules: {
    instruct: {
      from: ['intended'],
      to: 'instructed',
      actors: ['initiator'],
      scope: 'settlement:instruct',
      mandates: [instructing],
      onLapse: 'refuse',
      decided: true,
      inTime: true,
      trade: true,
    },
    affirm: {
      from: ['instructed'],
      to: 'affirmed',
      actors: ['counterparty'],
      scope: 'settlement:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
      duties: { notInitiator: true },
    },
    // Releasing is part of the settlement instructed.
    release: {
      from: ['affirmed'],
      to: 'released',
      actors: ['initiator'],
      scope: 'settlement:release',
      mandates: [instructing],
      onLapse: 'exception',
      decided: true,
      duties: { notApprover: true },
      trade: true,
    },
    settle: {
      from: ['released'],
      to: 'settled',
      actors: ['initiator', 'counterparty'],
      scope: 'settlement:affirm',
      mandates: [instructing],
      onLapse: 'exception',
      decided: false,
    },
    fail: {
      from: ['released'],
      to: 'failed',
      actors: ['initiator', 'counterparty'],
      scope: 'settlement:affirm',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
    cancel: {
      from: ['intended', 'instructed', 'affirmed'],
      to: 'cancelled',
      actors: ['initiator'],
      scope: 'settlement:cancel',
      mandates: [],
      onLapse: 'refuse',
      decided: false,
    },
  },
};
