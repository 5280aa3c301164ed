import { namesOf } from '@countersign/kernel';
import { kindOfScope, type Scope, scopes } from '@countersign/market';
import { type IntentName, intentNames, statesOf } from './lives.ts';

/** All factors of a situation, with their values. A new fact of the schema needs a factor here, and code in `market.ts` or `question.ts`. */
export const factors = {
  kind: ['person', 'service', 'agent'],
  role: ['trader', 'operator', 'approver', 'auditor', 'compliance', 'risk', 'supervisor', 'desk-head', 'none'],
  inDirectory: ['yes', 'no'],
  /** The finding about the firm of the acting principal. */
  firm: [
    ...['in-order', 'lapsed', 'kyc-pending', 'kyc-expired', 'aml-high', 'aml-prohibited', 'aml-unrated'],
    ...['sanctions-match', 'sanctions-stale', 'sanctions-postdated', 'data-elsewhere'],
  ],
  initiatedBy: ['own-firm', 'another-firm'],
  /** The firm in whose name the intent is. */
  entity: ['own-firm', 'another-firm', 'lapsed', 'unknown', 'not-served', 'high-risk-country', 'data-elsewhere'],
  /** The client that holds the account of an order. */
  client: [
    ...['own-firm', 'retail-suited', 'retail-not-suited', 'professional-assessed', 'professional-not-assessed'],
    ...['not-categorised', 'lapsed', 'not-served', 'high-risk-country', 'data-elsewhere', 'account-unknown'],
  ],
  /** The finding about a firm in the intent. */
  party: [
    ...['in-order', 'lapsed', 'kyc-pending', 'kyc-expired', 'aml-high', 'aml-prohibited', 'aml-unrated'],
    ...['sanctions-match', 'sanctions-stale', 'sanctions-postdated', 'unknown', 'not-served', 'high-risk-country'],
  ],
  certificate: ['Approved', 'Registered', 'Submitted', 'Draft'],
  /** The algorithm's artefact in the intent. */
  artefact: ['certified', 'other-model', 'other-version', 'other-hash'],
  /** The algorithm's certificate in the intent. */
  certificateNamed: ['current', 'other', 'none'],
  algorithm: ['named', 'not-named'],
  desk: ['entitled', 'unknown', 'not-the-product', 'not-the-venue', 'not-the-jurisdiction'],
  hours: ['open', 'closed'],
  acr: ['phrh', 'phr', 'pwd', 'development', 'none'],
  signInAge: ['one-minute', 'twenty-minutes', 'one-hour', 'three-hours', 'unknown'],
  bound: ['to-this-intent', 'to-another', 'not-stated'],
  installation: ['production', 'development'],
  partner: ['none', 'own-firm', 'claims-missing', 'another-firm'],
  device: ['none', 'compliant', 'failing', 'not-checked-recently', 'checked-in-the-future', 'not-theirs'],
  claimedDevice: ['none', 'compliant', 'failing', 'not-checked-recently', 'checked-in-the-future', 'not-theirs'],
  signals: [
    ...['none', 'unusual', 'impossible-travel', 'credential-compromised', 'account-disabled', 'recovered-recently'],
  ],
  claimedSignals: [
    ...['none', 'unusual', 'impossible-travel', 'credential-compromised', 'account-disabled', 'recovered-recently'],
  ],
  mandate: ['in-force', 'not-in-force'],
  /** In euros; `rate-unknown` is an amount in a currency without a rate. */
  amount: ['200,000', '900,000', '3,000,000', '8,000,000', '20,000,000', '60,000,000', 'rate-unknown'],
  instrument: ['share', 'bond', 'swap', 'structured', 'exotic', 'restricted'],
  venue: ['served', 'not-served', 'expired', 'unknown'],
  approvals: [
    ...['none', 'supervisor', 'desk-head', 'risk', 'two-of-risk', 'three-of-risk', 'desk-head-and-risk'],
    ...['compliance', 'one-of-operations', 'two-of-operations', 'everybody'],
  ],
  destination: ['known', 'new'],
  trade: ['known', 'unknown'],
  agreement: ['in-force', 'not-in-force'],
  /** The initiator's sign-in when the token was permitted. */
  permitted: ['hardware-key', 'hardware-key-an-hour-before', 'phr', 'pwd', 'software', 'no-token'],
  /** For a token for an interface: the steps of a transaction that it is for. */
  step: ['none', 'of-a-transaction', 'completing'],
  /** Further scopes of the token. */
  alongside: ['nothing', 'reading'],
} as const;

export type FactorName = keyof typeof factors;
export const factorNames = namesOf(factors);
export type Conditions = { readonly [Name in FactorName]: (typeof factors)[Name][number] };
export type Kind = Conditions['kind'];

/** What is asked: a token for an interface, a token for an intent, or a step of a transaction. */
export type Ask =
  | { readonly door: 'interface'; readonly scope: string }
  | { readonly door: 'token'; readonly intent: IntentName; readonly state: string; readonly scope: string }
  | { readonly door: 'step'; readonly intent: IntentName; readonly state: string; readonly scope: string };

export interface Situation {
  readonly ask: Ask;
  readonly is: Conditions;
}

/** The conditions with everything in order: the principal has the required role, sign-in and facts. */
export function inOrder(ask: Ask, kind: Kind): Conditions {
  const person = kind === 'person';
  const governing = ask.door === 'interface' && isControl(ask.scope);
  return {
    kind,
    role: governing ? 'operator' : person ? 'trader' : 'none',
    inDirectory: 'yes',
    firm: 'in-order',
    initiatedBy: 'own-firm',
    entity: 'own-firm',
    client: 'own-firm',
    party: 'in-order',
    certificate: 'Approved',
    artefact: 'certified',
    certificateNamed: 'current',
    algorithm: kind === 'agent' ? 'named' : 'not-named',
    desk: 'entitled',
    hours: 'open',
    acr: person ? 'phrh' : 'none',
    signInAge: person ? 'one-minute' : 'unknown',
    bound: person && ask.door !== 'interface' ? 'to-this-intent' : 'not-stated',
    installation: 'production',
    partner: 'none',
    device: 'none',
    claimedDevice: 'none',
    signals: 'none',
    claimedSignals: 'none',
    mandate: 'in-force',
    amount: '200,000',
    instrument: 'share',
    venue: 'served',
    approvals: 'none',
    destination: 'known',
    trade: 'known',
    agreement: 'in-force',
    permitted: person ? 'hardware-key' : 'software',
    step: ask.door === 'interface' && isMarket(ask.scope) ? 'of-a-transaction' : 'none',
    alongside: 'nothing',
  };
}

function isMarket(scope: string): boolean {
  // The requests of the matrix name scopes of the market.
  return ['dealing', 'settling'].includes(kindOfScope(scope as Scope));
}

function isControl(scope: string): boolean {
  // The requests of the matrix name scopes of the market.
  return ['control', 'approving'].includes(kindOfScope(scope as Scope));
}

/** The scopes to request for each kind of intent. */
const scopesOf: Readonly<Record<IntentName, readonly Scope[]>> = {
  trade_order: ['order:create', 'order:cancel', 'settlement:instruct'],
  rfq: ['rfq:create', 'rfq:accept'],
  allocation: ['allocation:propose'],
  clearing_submission: ['trade:affirm'],
  settlement_instruction: ['settlement:instruct', 'settlement:release', 'settlement:cancel'],
  collateral_transfer: ['collateral:transfer', 'margin:recall'],
  withdrawal: ['withdrawal:request', 'withdrawal:release'],
  address_book_change: ['withdrawal-address:propose'],
  regulatory_report: ['report:submit', 'report:correct'],
  privileged_admin: ['directory:apply'],
};
const beside: readonly Scope[] = ['order:read', 'policy:approve', 'withdrawal:request', 'withdrawal-address:propose'];

/** @param actions the steps in the schema of the bundle */
export function asksOf(actions: readonly string[]): readonly Ask[] {
  const states = intentNames.flatMap((intent) => statesOf(intent).map((state) => ({ intent, state })));
  return [
    ...scopes.map((scope) => ({ door: 'interface', scope }) as const),
    ...states.flatMap(({ intent, state }) =>
      [...new Set([...scopesOf[intent], ...beside])].map((scope) => ({ door: 'token', intent, state, scope }) as const),
    ),
    ...states.flatMap(({ intent, state }) => actions.map((scope) => ({ door: 'step', intent, state, scope }) as const)),
  ];
}

/** The requests for which every condition is tried by itself and with every other. */
export const probed: readonly Ask[] = [
  { door: 'interface', scope: 'order:create' },
  { door: 'interface', scope: 'settlement:release' },
  { door: 'interface', scope: 'order:read' },
  { door: 'interface', scope: 'policy:approve' },
  { door: 'interface', scope: 'audit:disclose' },
  { door: 'interface', scope: 'token:revoke' },
  { door: 'interface', scope: 'halt:trip' },
  { door: 'interface', scope: 'mandate:grant' },
  { door: 'token', intent: 'trade_order', state: 'intended', scope: 'order:create' },
  { door: 'token', intent: 'rfq', state: 'quoted', scope: 'rfq:accept' },
  { door: 'token', intent: 'allocation', state: 'intended', scope: 'allocation:propose' },
  { door: 'token', intent: 'clearing_submission', state: 'intended', scope: 'trade:affirm' },
  { door: 'token', intent: 'settlement_instruction', state: 'intended', scope: 'settlement:instruct' },
  { door: 'token', intent: 'collateral_transfer', state: 'intended', scope: 'collateral:transfer' },
  { door: 'token', intent: 'withdrawal', state: 'intended', scope: 'withdrawal:request' },
  { door: 'token', intent: 'address_book_change', state: 'intended', scope: 'withdrawal-address:propose' },
  { door: 'token', intent: 'regulatory_report', state: 'intended', scope: 'report:submit' },
  { door: 'step', intent: 'trade_order', state: 'intended', scope: 'order:create' },
  { door: 'step', intent: 'trade_order', state: 'submitted', scope: 'order:cancel' },
  { door: 'step', intent: 'trade_order', state: 'acknowledged', scope: 'trade:affirm' },
  { door: 'step', intent: 'trade_order', state: 'executed', scope: 'settlement:instruct' },
  { door: 'step', intent: 'trade_order', state: 'cleared', scope: 'settlement:release' },
  { door: 'step', intent: 'rfq', state: 'intended', scope: 'rfq:create' },
  { door: 'step', intent: 'rfq', state: 'quoted', scope: 'rfq:accept' },
  { door: 'step', intent: 'allocation', state: 'intended', scope: 'allocation:propose' },
  { door: 'step', intent: 'clearing_submission', state: 'intended', scope: 'trade:affirm' },
  { door: 'step', intent: 'settlement_instruction', state: 'intended', scope: 'settlement:instruct' },
  { door: 'step', intent: 'settlement_instruction', state: 'affirmed', scope: 'settlement:release' },
  { door: 'step', intent: 'collateral_transfer', state: 'approved', scope: 'collateral:transfer' },
  { door: 'step', intent: 'withdrawal', state: 'intended', scope: 'withdrawal:request' },
  { door: 'step', intent: 'withdrawal', state: 'requested', scope: 'withdrawal:release' },
  { door: 'step', intent: 'address_book_change', state: 'intended', scope: 'withdrawal-address:propose' },
  { door: 'step', intent: 'regulatory_report', state: 'intended', scope: 'report:submit' },
];

/** Combinations of conditions in which one further condition decides. */
export const together: readonly Partial<Conditions>[] = [
  {},
  { amount: '8,000,000', approvals: 'everybody' },
  { amount: '20,000,000', approvals: 'everybody' },
  { amount: '60,000,000', approvals: 'everybody' },
  { destination: 'new', approvals: 'everybody' },
  { destination: 'new', approvals: 'everybody', acr: 'phr' },
  { hours: 'closed', approvals: 'everybody' },
  { party: 'aml-high', approvals: 'everybody' },
  { instrument: 'structured', approvals: 'everybody' },
  { signals: 'unusual' },
  { installation: 'development', acr: 'development' },
  { partner: 'own-firm', bound: 'not-stated' },
];
