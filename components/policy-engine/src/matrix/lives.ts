/**
 * The life cycles of the ten kinds of intent: their states and, for each state, the scopes of the steps that only complete or
 * cancel the transaction (`TransactionFacts.completingScopes`). `tests/src/matrix-lives.test.ts` compares them with those of the
 * transaction registry.
 */
export const lives = {
  trade_order: {
    intended: ['order:cancel'],
    submitted: ['order:cancel'],
    acknowledged: ['trade:affirm', 'order:cancel'],
    executed: ['settlement:instruct'],
    cleared: ['settlement:release'],
    settled: [],
    failed: [],
    cancelled: [],
    rejected: [],
    expired: [],
  },
  rfq: {
    intended: [],
    requested: ['rfq:create'],
    quoted: [],
    accepted: [],
    declined: [],
    expired: [],
    cancelled: [],
  },
  allocation: {
    intended: [],
    proposed: ['allocation:propose'],
    approved: ['allocation:giveup', 'allocation:approve'],
    'given-up': [],
    rejected: [],
    cancelled: [],
  },
  clearing_submission: {
    intended: ['trade:bust'],
    submitted: ['trade:bust'],
    acknowledged: ['trade:affirm', 'trade:bust'],
    accepted: [],
    rejected: [],
    cancelled: [],
  },
  settlement_instruction: {
    intended: ['settlement:cancel'],
    instructed: ['settlement:cancel'],
    affirmed: ['settlement:release', 'settlement:cancel'],
    released: ['settlement:affirm'],
    settled: [],
    failed: [],
    cancelled: [],
  },
  collateral_transfer: {
    intended: [],
    pledged: ['margin:pledge'],
    approved: ['margin:pledge'],
    transferred: ['margin:recall'],
    returned: [],
    failed: [],
    rejected: [],
    cancelled: [],
  },
  withdrawal: {
    intended: [],
    requested: ['withdrawal:approve', 'withdrawal:request'],
    released: ['withdrawal:release'],
    confirmed: [],
    failed: [],
    rejected: [],
    cancelled: [],
  },
  address_book_change: {
    intended: [],
    proposed: ['withdrawal-address:propose'],
    approved: [],
    active: [],
    revoked: [],
    cancelled: [],
  },
  regulatory_report: {
    intended: [],
    submitted: ['trade:affirm'],
    accepted: ['report:correct'],
    rejected: ['report:correct'],
    failed: [],
    cancelled: [],
  },
  privileged_admin: { intended: [], applied: [], cancelled: [] },
} as const satisfies Readonly<Record<string, Readonly<Record<string, readonly string[]>>>>;

/**
 * The steps of each kind of intent that policies decide about, with the states in which they are possible. A venue's enforcement
 * point asks about the execution of an order (`trade:affirm`). Cancelling is not included.
 */
export const stepsInTurn: Readonly<Record<IntentName, Readonly<Record<string, readonly string[]>>>> = {
  trade_order: {
    'order:create': ['intended'],
    'trade:affirm': ['submitted', 'acknowledged'],
    'settlement:instruct': ['executed'],
    'settlement:release': ['cleared'],
  },
  rfq: { 'rfq:create': ['intended'], 'rfq:accept': ['quoted'] },
  allocation: { 'allocation:propose': ['intended'] },
  clearing_submission: { 'trade:affirm': ['intended'] },
  settlement_instruction: { 'settlement:instruct': ['intended'], 'settlement:release': ['affirmed'] },
  collateral_transfer: { 'collateral:transfer': ['approved'] },
  withdrawal: { 'withdrawal:request': ['intended'], 'withdrawal:release': ['requested'] },
  address_book_change: { 'withdrawal-address:propose': ['intended'] },
  regulatory_report: { 'report:submit': ['intended'] },
  privileged_admin: {},
};

export type IntentName = keyof typeof lives;
export const intentNames = Object.keys(lives) as readonly IntentName[];

export function statesOf(intent: IntentName): readonly string[] {
  return Object.keys(lives[intent]);
}

export function completingScopesIn(intent: IntentName, state: string): readonly string[] {
  const states: Readonly<Record<string, readonly string[]>> = lives[intent];
  return states[state] ?? [];
}
