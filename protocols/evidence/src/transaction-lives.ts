export interface LegalStep {
  readonly from: readonly string[];
  readonly to: string;
  /** The action of the policies and the mandate. */
  readonly scope: string;
  /** The policies decide on it. */
  readonly decided?: true;
  /** Needs a mandate in force; other steps remain possible afterwards. */
  readonly underMandate?: true;
}

/**
 * All other steps are illegal. Repeated here so that verifiers do not depend on the registry, whose tests compare both.
 */
export const transactionLives: Readonly<Record<string, Readonly<Record<string, LegalStep>>>> = {
  'urn:countersign:rar:v1:trade_order': {
    submit: { from: ['intended'], to: 'submitted', scope: 'order:create', decided: true, underMandate: true },
    acknowledge: { from: ['submitted'], to: 'acknowledged', scope: 'trade:affirm' },
    execute: { from: ['submitted', 'acknowledged'], to: 'executed', scope: 'trade:affirm', underMandate: true },
    clear: { from: ['executed'], to: 'cleared', scope: 'settlement:instruct', decided: true, underMandate: true },
    settle: { from: ['cleared'], to: 'settled', scope: 'settlement:release', decided: true, underMandate: true },
    cancel: { from: ['intended', 'submitted', 'acknowledged'], to: 'cancelled', scope: 'order:cancel' },
    reject: { from: ['submitted', 'acknowledged'], to: 'rejected', scope: 'trade:affirm' },
    expire: { from: ['submitted', 'acknowledged'], to: 'expired', scope: 'order:cancel' },
  },
  'urn:countersign:rar:v1:rfq': {
    request: { from: ['intended'], to: 'requested', scope: 'rfq:create', decided: true, underMandate: true },
    quote: { from: ['requested', 'quoted'], to: 'quoted', scope: 'rfq:respond' },
    accept: { from: ['quoted'], to: 'accepted', scope: 'rfq:accept', decided: true, underMandate: true },
    decline: { from: ['quoted'], to: 'declined', scope: 'rfq:create' },
    expire: { from: ['requested', 'quoted'], to: 'expired', scope: 'rfq:create' },
    cancel: { from: ['intended', 'requested'], to: 'cancelled', scope: 'rfq:create' },
  },
  'urn:countersign:rar:v1:allocation': {
    propose: { from: ['intended'], to: 'proposed', scope: 'allocation:propose', decided: true, underMandate: true },
    approve: { from: ['proposed'], to: 'approved', scope: 'allocation:approve', underMandate: true },
    'give-up': { from: ['approved'], to: 'given-up', scope: 'allocation:giveup', underMandate: true },
    reject: { from: ['proposed', 'approved'], to: 'rejected', scope: 'allocation:approve' },
    cancel: { from: ['intended', 'proposed'], to: 'cancelled', scope: 'allocation:propose' },
  },
  'urn:countersign:rar:v1:clearing_submission': {
    submit: { from: ['intended'], to: 'submitted', scope: 'trade:affirm', decided: true, underMandate: true },
    acknowledge: { from: ['submitted'], to: 'acknowledged', scope: 'trade:affirm' },
    accept: { from: ['submitted', 'acknowledged'], to: 'accepted', scope: 'trade:affirm', underMandate: true },
    reject: { from: ['submitted', 'acknowledged'], to: 'rejected', scope: 'trade:affirm' },
    cancel: { from: ['intended', 'submitted', 'acknowledged'], to: 'cancelled', scope: 'trade:bust' },
  },
  'urn:countersign:rar:v1:settlement_instruction': {
    instruct: { from: ['intended'], to: 'instructed', scope: 'settlement:instruct', decided: true, underMandate: true },
    affirm: { from: ['instructed'], to: 'affirmed', scope: 'settlement:affirm' },
    release: { from: ['affirmed'], to: 'released', scope: 'settlement:release', decided: true, underMandate: true },
    settle: { from: ['released'], to: 'settled', scope: 'settlement:affirm', underMandate: true },
    fail: { from: ['released'], to: 'failed', scope: 'settlement:affirm' },
    cancel: { from: ['intended', 'instructed', 'affirmed'], to: 'cancelled', scope: 'settlement:cancel' },
  },
  'urn:countersign:rar:v1:collateral_transfer': {
    pledge: { from: ['intended'], to: 'pledged', scope: 'margin:pledge', underMandate: true },
    approve: { from: ['pledged'], to: 'approved', scope: 'collateral:approve', underMandate: true },
    transfer: {
      from: ['approved'],
      to: 'transferred',
      scope: 'collateral:transfer',
      decided: true,
      underMandate: true,
    },
    recall: { from: ['transferred'], to: 'returned', scope: 'margin:recall', underMandate: true },
    reject: { from: ['pledged'], to: 'rejected', scope: 'collateral:approve' },
    cancel: { from: ['intended', 'pledged', 'approved'], to: 'cancelled', scope: 'margin:pledge' },
  },
  'urn:countersign:rar:v1:withdrawal': {
    request: { from: ['intended'], to: 'requested', scope: 'withdrawal:request', decided: true, underMandate: true },
    release: { from: ['requested'], to: 'released', scope: 'withdrawal:release', decided: true, underMandate: true },
    confirm: { from: ['released'], to: 'confirmed', scope: 'withdrawal:release' },
    fail: { from: ['released'], to: 'failed', scope: 'withdrawal:release' },
    reject: { from: ['requested'], to: 'rejected', scope: 'withdrawal:approve' },
    cancel: { from: ['intended', 'requested'], to: 'cancelled', scope: 'withdrawal:request' },
  },
  'urn:countersign:rar:v1:address_book_change': {
    propose: {
      from: ['intended'],
      to: 'proposed',
      scope: 'withdrawal-address:propose',
      decided: true,
      underMandate: true,
    },
    approve: { from: ['proposed'], to: 'approved', scope: 'withdrawal-address:approve', underMandate: true },
    activate: { from: ['approved'], to: 'active', scope: 'withdrawal-address:approve', underMandate: true },
    revoke: { from: ['approved', 'active'], to: 'revoked', scope: 'withdrawal-address:revoke' },
    cancel: { from: ['intended', 'proposed'], to: 'cancelled', scope: 'withdrawal-address:propose' },
  },
  'urn:countersign:rar:v1:regulatory_report': {
    submit: { from: ['intended'], to: 'submitted', scope: 'report:submit', decided: true, underMandate: true },
    accept: { from: ['submitted'], to: 'accepted', scope: 'trade:affirm' },
    reject: { from: ['submitted'], to: 'rejected', scope: 'trade:affirm' },
    correct: { from: ['accepted', 'rejected'], to: 'submitted', scope: 'report:correct', underMandate: true },
    cancel: { from: ['intended'], to: 'cancelled', scope: 'report:submit' },
  },
  'urn:countersign:rar:v1:privileged_admin': {
    apply: { from: ['intended'], to: 'applied', scope: 'directory:apply' },
    cancel: { from: ['intended'], to: 'cancelled', scope: 'directory:apply' },
  },
};

/** Undefined for an unknown type or event. */
export function legalStep(intentType: string | undefined, event: string): LegalStep | undefined {
  const life =
    intentType !== undefined && Object.hasOwn(transactionLives, intentType) ? transactionLives[intentType] : undefined;
  return life !== undefined && Object.hasOwn(life, event) ? life[event] : undefined;
}
