/** From which states an event leads to which. */
export interface LegalStep {
  readonly from: readonly string[];
  readonly to: string;
}

/**
 * The life of a transaction by the type of its intent: what is not written here does not happen. Written down again for
 * those who verify without us; the registry's tests compare it with the lives it keeps to.
 */
export const transactionLives: Readonly<Record<string, Readonly<Record<string, LegalStep>>>> = {
  'urn:countersign:rar:v1:trade_order': {
    submit: { from: ['intended'], to: 'submitted' },
    acknowledge: { from: ['submitted'], to: 'acknowledged' },
    execute: { from: ['submitted', 'acknowledged'], to: 'executed' },
    clear: { from: ['executed'], to: 'cleared' },
    settle: { from: ['cleared'], to: 'settled' },
    cancel: { from: ['intended', 'submitted', 'acknowledged'], to: 'cancelled' },
    reject: { from: ['submitted', 'acknowledged'], to: 'rejected' },
    expire: { from: ['submitted', 'acknowledged'], to: 'expired' },
  },
  'urn:countersign:rar:v1:rfq': {
    request: { from: ['intended'], to: 'requested' },
    quote: { from: ['requested', 'quoted'], to: 'quoted' },
    accept: { from: ['quoted'], to: 'accepted' },
    decline: { from: ['quoted'], to: 'declined' },
    expire: { from: ['requested', 'quoted'], to: 'expired' },
    cancel: { from: ['intended', 'requested'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:allocation': {
    propose: { from: ['intended'], to: 'proposed' },
    approve: { from: ['proposed'], to: 'approved' },
    'give-up': { from: ['approved'], to: 'given-up' },
    reject: { from: ['proposed', 'approved'], to: 'rejected' },
    cancel: { from: ['intended', 'proposed'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:clearing_submission': {
    submit: { from: ['intended'], to: 'submitted' },
    acknowledge: { from: ['submitted'], to: 'acknowledged' },
    accept: { from: ['submitted', 'acknowledged'], to: 'accepted' },
    reject: { from: ['submitted', 'acknowledged'], to: 'rejected' },
    cancel: { from: ['intended', 'submitted', 'acknowledged'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:settlement_instruction': {
    instruct: { from: ['intended'], to: 'instructed' },
    affirm: { from: ['instructed'], to: 'affirmed' },
    release: { from: ['affirmed'], to: 'released' },
    settle: { from: ['released'], to: 'settled' },
    fail: { from: ['released'], to: 'failed' },
    cancel: { from: ['intended', 'instructed', 'affirmed'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:collateral_transfer': {
    pledge: { from: ['intended'], to: 'pledged' },
    approve: { from: ['pledged'], to: 'approved' },
    transfer: { from: ['approved'], to: 'transferred' },
    recall: { from: ['transferred'], to: 'returned' },
    reject: { from: ['pledged'], to: 'rejected' },
    cancel: { from: ['intended', 'pledged', 'approved'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:withdrawal': {
    request: { from: ['intended'], to: 'requested' },
    release: { from: ['requested'], to: 'released' },
    confirm: { from: ['released'], to: 'confirmed' },
    fail: { from: ['released'], to: 'failed' },
    reject: { from: ['requested'], to: 'rejected' },
    cancel: { from: ['intended', 'requested'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:address_book_change': {
    propose: { from: ['intended'], to: 'proposed' },
    approve: { from: ['proposed'], to: 'approved' },
    activate: { from: ['approved'], to: 'active' },
    revoke: { from: ['approved', 'active'], to: 'revoked' },
    cancel: { from: ['intended', 'proposed'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:regulatory_report': {
    submit: { from: ['intended'], to: 'submitted' },
    accept: { from: ['submitted'], to: 'accepted' },
    reject: { from: ['submitted'], to: 'rejected' },
    correct: { from: ['accepted', 'rejected'], to: 'submitted' },
    cancel: { from: ['intended'], to: 'cancelled' },
  },
  'urn:countersign:rar:v1:privileged_admin': {
    apply: { from: ['intended'], to: 'applied' },
    cancel: { from: ['intended'], to: 'cancelled' },
  },
};

const orderType = 'urn:countersign:rar:v1:trade_order';

/** An intent that states no type that is known is taken for an order, as the first of them were. */
export function legalStep(intentType: string | undefined, event: string): LegalStep | undefined {
  const type = intentType !== undefined && Object.hasOwn(transactionLives, intentType) ? intentType : orderType;
  const life = transactionLives[type];
  return life !== undefined && Object.hasOwn(life, event) ? life[event] : undefined;
}
