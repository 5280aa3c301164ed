import { namesOf } from '@countersign/kernel';

/** States in which no step only completes or cancels the transaction. */
function without<const State extends string>(...states: readonly State[]): Readonly<Record<State, readonly []>> {
  // One member for each state.
  return Object.fromEntries(states.map((state) => [state, []])) as unknown as Record<State, readonly []>;
}

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
    ...without('settled', 'failed', 'cancelled', 'rejected', 'expired'),
  },
  rfq: {
    intended: [],
    requested: ['rfq:create'],
    ...without('quoted', 'accepted', 'declined', 'expired', 'cancelled'),
  },
  allocation: {
    intended: [],
    proposed: ['allocation:propose'],
    approved: ['allocation:giveup', 'allocation:approve'],
    ...without('given-up', 'rejected', 'cancelled'),
  },
  clearing_submission: {
    intended: ['trade:bust'],
    submitted: ['trade:bust'],
    acknowledged: ['trade:affirm', 'trade:bust'],
    ...without('accepted', 'rejected', 'cancelled'),
  },
  settlement_instruction: {
    intended: ['settlement:cancel'],
    instructed: ['settlement:cancel'],
    affirmed: ['settlement:release', 'settlement:cancel'],
    released: ['settlement:affirm'],
    ...without('settled', 'failed', 'cancelled'),
  },
  collateral_transfer: {
    intended: [],
    pledged: ['margin:pledge'],
    approved: ['margin:pledge'],
    transferred: ['margin:recall'],
    ...without('returned', 'failed', 'rejected', 'cancelled'),
  },
  withdrawal: {
    intended: [],
    requested: ['withdrawal:approve', 'withdrawal:request'],
    released: ['withdrawal:release'],
    ...without('confirmed', 'failed', 'rejected', 'cancelled'),
  },
  address_book_change: {
    intended: [],
    proposed: ['withdrawal-address:propose'],
    ...without('approved', 'active', 'revoked', 'cancelled'),
  },
  regulatory_report: {
    intended: [],
    submitted: ['trade:affirm'],
    accepted: ['report:correct'],
    rejected: ['report:correct'],
    ...without('failed', 'cancelled'),
  },
  privileged_admin: without('intended', 'applied', 'cancelled'),
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
export const intentNames = namesOf(lives);

export function statesOf(intent: IntentName): readonly string[] {
  return Object.keys(lives[intent]);
}

export function completingScopesIn(intent: IntentName, state: string): readonly string[] {
  const states: Readonly<Record<string, readonly string[]>> = lives[intent];
  return states[state] ?? [];
}
