import type { TransactionEvent, TransactionState } from '@countersign/contracts';
import type { PartyRole, Scope } from '@countersign/market';

/** Whose authority an event rests on, and for what. */
export interface MandateNeed {
  /** The initiator's institution, or the party of the intent with this role. */
  readonly actingFor: 'initiator' | PartyRole;
  readonly action: Scope;
}

export interface TransitionRule {
  readonly from: readonly TransactionState[];
  readonly to: TransactionState;
  /** Who reports the event: parties of the intent by role, or the institution that began it. */
  readonly actors: readonly ('initiator' | PartyRole)[];
  readonly scope: Scope;
  /** Asked again at the event itself. None for cancelling: it stays possible when trading is blocked. */
  readonly mandates: readonly MandateNeed[];
  /** What a lapsed mandate leaves behind: before execution a refusal is enough, afterwards somebody must act. */
  readonly onLapse: 'refuse' | 'exception';
  /** Whether the policy engine decides: on what an institution does, not on what a venue reports has happened. */
  readonly decided: boolean;
}

const order: MandateNeed = { actingFor: 'initiator', action: 'order:create' };
const settlement: MandateNeed = { actingFor: 'initiator', action: 'settlement:instruct' };

/** The whole life of a trade order. What is not written here cannot happen. */
export const transitionRules: Readonly<Record<TransactionEvent, TransitionRule>> = {
  submit: {
    from: ['intended'],
    to: 'submitted',
    actors: ['ExecutingBroker'],
    scope: 'order:create',
    mandates: [order],
    onLapse: 'refuse',
    decided: true,
  },
  execute: {
    from: ['submitted'],
    to: 'executed',
    actors: ['ExecutionFacility'],
    scope: 'trade:affirm',
    mandates: [order],
    onLapse: 'exception',
    decided: false,
  },
  clear: {
    from: ['executed'],
    to: 'cleared',
    actors: ['ClearingFirm'],
    scope: 'settlement:instruct',
    mandates: [settlement, { actingFor: 'ClearingFirm', action: 'settlement:instruct' }],
    onLapse: 'exception',
    decided: true,
  },
  settle: {
    from: ['cleared'],
    to: 'settled',
    actors: ['Custodian'],
    scope: 'settlement:release',
    // Releasing is part of the settlement instructed; the custodian has its own word, not a mandate cut from this.
    mandates: [settlement],
    onLapse: 'exception',
    decided: true,
  },
  cancel: {
    from: ['intended', 'submitted'],
    to: 'cancelled',
    actors: ['initiator', 'ExecutingBroker'],
    scope: 'order:cancel',
    mandates: [],
    onLapse: 'refuse',
    decided: false,
  },
};
