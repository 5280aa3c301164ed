import { kindOfScope, type Scope } from '@countersign/market';
import { completingScopesIn, type IntentName, stepsInTurn } from './lives.ts';
import type { Conditions, FactorName, Situation } from './situation.ts';

/** A control rule and the situations it applies to. Rules are independent of the policies, so a lost or wrong policy contradicts one. */
export interface ControlRule {
  readonly id: string;
  readonly says: string;
  readonly expects: 'refused' | 'permitted';
  applies(asked: Asked): boolean;
}

export type Asked = Situation & { readonly otherwise: readonly FactorName[] };
type Predicate = ControlRule['applies'];
type Rules = Readonly<Record<string, readonly [says: string, applies: Predicate]>>;

const all = (...each: readonly Predicate[]): Predicate => {
  return (asked) => each.every((applies) => applies(asked));
};
const any = (...each: readonly Predicate[]): Predicate => {
  return (asked) => each.some((applies) => applies(asked));
};
const not = (applies: Predicate): Predicate => {
  return (asked) => !applies(asked);
};

// ---- Conditions

const has = <Name extends FactorName>(name: Name, ...values: readonly Conditions[Name][]): Predicate => {
  return ({ is }) => values.includes(is[name]);
};
const onlyOtherwise = (...names: readonly FactorName[]): Predicate => {
  return ({ otherwise }) => otherwise.every((name) => names.includes(name));
};
const allInOrder = onlyOtherwise();
const person = has('kind', 'person');
const agent = has('kind', 'agent');

const worth = ({ amount }: Conditions): number =>
  amount === 'rate-unknown' ? Number.POSITIVE_INFINITY : Number(amount.replaceAll(',', ''));
const worthAbove = (euros: number): Predicate => {
  return ({ is }) => worth(is) > euros;
};
const hardwareKeyNow = all(has('acr', 'phrh'), has('signInAge', 'one-minute'), not(has('bound', 'to-another')));
const developmentSignIn = all(has('acr', 'development'), has('installation', 'development'));
/** A hardware key used within five minutes for this intent, or its replacement in development. */
const hardwareKeyUsed = any(hardwareKeyNow, all(developmentSignIn, has('signInAge', 'one-minute')));
const complexProduct = has('instrument', 'structured', 'exotic');
const approvedBy = (...given: readonly Conditions['approvals'][]) => has('approvals', 'everybody', ...given);
const byDeskHeadOrRisk = ['desk-head', 'risk', 'two-of-risk', 'three-of-risk', 'desk-head-and-risk'] as const;
const approvedAbove = approvedBy('supervisor', ...byDeskHeadOrRisk);
const takeovers = ['impossible-travel', 'credential-compromised', 'account-disabled'] as const;
const faulty = ['failing', 'not-checked-recently', 'checked-in-the-future'] as const;
const signalled = any(
  not(all(has('signals', 'none'), has('claimedSignals', 'none'))),
  has('device', 'not-theirs'),
  has('claimedDevice', 'not-theirs'),
);

// ---- Requests

const dealingSteps = ['order:create', 'rfq:create', 'rfq:accept'];
const movingSteps = ['withdrawal:request', 'withdrawal:release', 'withdrawal-address:propose', 'collateral:transfer'];
const postTradeSteps = ['trade:affirm', 'settlement:instruct', 'settlement:release'];
/** Scopes that change rules, keys, access or the log. */
const installationScopes = [
  ...['policy:propose', 'policy:approve', 'policy:rollback', 'directory:apply', 'directory:approve'],
  ...['key:rotate', 'key:revoke', 'partner:register', 'legalhold:place', 'legalhold:release', 'revocation:lift'],
  ...['retention:propose', 'retention:approve', 'erasure:propose', 'erasure:approve'],
  ...['authority:propose', 'authority:approve', 'secret:propose', 'secret:approve'],
];
const disclosingScopes = ['audit:disclose', 'audit:export'];
const resumingScopes = ['halt:release', 'halt:approve'];
const haltingScopes = ['halt:trip', ...resumingScopes];
const governingScopes = [
  ...[...installationScopes, ...disclosingScopes, ...resumingScopes],
  ...['exception:resolve', 'authenticator:invite', 'account:unlock', 'recovery:open'],
];
/** Scopes that act for a firm at an interface. */
const actingScopes = [
  ...['order:create', 'rfq:create', 'rfq:respond', 'rfq:accept', 'trade:affirm', 'allocation:propose'],
  ...['settlement:instruct', 'settlement:release', 'margin:pledge', 'collateral:transfer'],
];

const scope = (...scopes: readonly string[]): Predicate => {
  return ({ ask }) => scopes.includes(ask.scope);
};
const scopeOfKind = (...kinds: readonly ReturnType<typeof kindOfScope>[]): Predicate => {
  // The matrix asks only for scopes of the vocabulary and for steps, which are named like scopes.
  return ({ ask }) => kinds.includes(kindOfScope(ask.scope as Scope));
};
const intent = (...intents: readonly IntentName[]): Predicate => {
  return ({ ask }) => ask.door !== 'interface' && intents.includes(ask.intent);
};
const state = (...states: readonly string[]): Predicate => {
  return ({ ask }) => ask.door !== 'interface' && states.includes(ask.state);
};
const isInterface: Predicate = ({ ask }) => ask.door === 'interface';
const isToken: Predicate = ({ ask }) => ask.door === 'token';
const anyStep: Predicate = ({ ask }) => ask.door === 'step';
const interfaceFor = (...scopes: readonly string[]) => all(isInterface, scope(...scopes));
const step = (...scopes: readonly string[]) => all(anyStep, scope(...scopes));

const intended = state('intended');
const open = state('intended', 'submitted', 'acknowledged', 'requested', 'quoted', 'proposed', 'pledged', 'approved');
const closed = state(
  ...['settled', 'accepted', 'declined', 'given-up', 'confirmed', 'returned', 'revoked', 'applied', 'failed'],
  ...['cancelled', 'rejected', 'expired'],
);
const dealing = intent('trade_order', 'rfq');
const followingTrade = intent('allocation', 'clearing_submission', 'settlement_instruction');
const leaving = intent('withdrawal', 'address_book_change');
const movingAssets = any(leaving, intent('collateral_transfer'));
const inOrderOfSteps: Predicate = ({ ask }) =>
  ask.door === 'step' && stepsInTurn[ask.intent][ask.scope]?.includes(ask.state) === true;
const completing: Predicate = ({ ask }) =>
  ask.door !== 'interface' && completingScopesIn(ask.intent, ask.state).includes(ask.scope);
const cancel = all(anyStep, scopeOfKind('cancelling'));
const marketInterface = all(isInterface, scopeOfKind('dealing', 'settling'));
const dealingStep = step(...dealingSteps);
/** Placing an order or a quote. */
const placing = all(dealing, dealingStep);
/** A token for an order or a quote, or placing it. */
const deals = all(dealing, any(isToken, dealingStep));
const dealsOpen = all(deals, open);
const movesAssets = step(...movingSteps);
const ownAffairs = step(...movingSteps, 'allocation:propose', 'report:submit');
const business = all(anyStep, not(cancel));
const intentBusiness = any(isToken, business);

const createsNoRisk = scopeOfKind('reading', 'cancelling');
/** Whether it continues or ends a transaction, clears or settles a known trade, reports, or only reads. */
const carriesOn = any(
  all(isInterface, any(has('step', 'completing'), createsNoRisk)),
  all(isToken, createsNoRisk),
  intent('regulatory_report'),
  all(intent('clearing_submission', 'settlement_instruction'), has('trade', 'known')),
  completing,
);
/** New business, which the compliance gates apply to. */
const newBusiness = all(not(carriesOn), open, any(isToken, dealingStep, movesAssets));
const partyNamed = all(not(isInterface), not(intent('privileged_admin')));
const actsAtInterface = interfaceFor(...actingScopes);
/** Where policies check sanctions and unacceptable risks: at every step except reporting, and at interfaces. */
const gated = any(all(intentBusiness, not(intent('regulatory_report'))), actsAtInterface);
type Finding = Conditions['firm'] | Conditions['party'] | Conditions['entity'];
/** Whether an involved firm has one of these findings. */
const firmWith = (...findings: readonly Finding[]): Predicate => {
  return (asked) =>
    findings.includes(asked.is.firm) ||
    (partyNamed(asked) && findings.includes(asked.is.party)) ||
    (!isInterface(asked) && findings.includes(asked.is.entity));
};
/** Where policies check signals and devices. */
const atDevice = any(not(anyStep), dealingStep, movesAssets);
const completesOrder = all(
  intent('trade_order'),
  any(all(step('settlement:instruct'), state('executed')), all(step('settlement:release'), state('cleared'))),
);
const ownMove = any(
  all(step('withdrawal:request', 'withdrawal-address:propose'), intended),
  all(step('withdrawal:release'), state('requested')),
  all(step('collateral:transfer'), state('approved')),
);
/** Whether the scope belongs to the intent and, for a step, to the current state. */
const ownScope: Predicate = (asked) =>
  asked.ask.door !== 'interface' &&
  !(dealing(asked) && postTradeSteps.includes(asked.ask.scope)) &&
  (isToken(asked) ? asked.ask.scope in stepsInTurn[asked.ask.intent] : inOrderOfSteps(asked));
const stepOfItsIntent: Predicate = (asked) =>
  asked.ask.door !== 'interface' && (cancel(asked) ? dealing(asked) : asked.ask.scope in stepsInTurn[asked.ask.intent]);

const never: Rules = {
  // ---- Who acts
  'nobody-unknown': ['A principal that is not in the directory never acts.', has('inDirectory', 'no')],
  'trading-needs-all-three': [
    'No trading scope without an intent, a mandate and a transaction.',
    all(marketInterface, has('step', 'none')),
  ],
  'mandate-in-force': [
    'No action under a mandate that is not in force.',
    all(intentBusiness, has('mandate', 'not-in-force')),
  ],
  'token-before-step': [
    'No step on an intent before its initiator was permitted a token for it.',
    all(business, intended, has('permitted', 'no-token'), not(completing)),
  ],
  'steps-in-order': [
    'No step from a state in which the life cycle of the intent has no such step.',
    all(business, not(inOrderOfSteps)),
  ],
  'own-transactions': [
    'No action on a transaction that another firm initiated.',
    all(not(isInterface), has('initiatedBy', 'another-firm')),
  ],
  'own-name': [
    'Post-trade work and moving assets only in the name of one’s own firm.',
    all(isToken, not(dealing), not(has('entity', 'own-firm'))),
  ],
  'own-assets': [
    'No moving of assets, allocation or reporting for another firm.',
    all(ownAffairs, not(has('entity', 'own-firm'))),
  ],
  'traders-deal': [
    'No dealing by a person who is not a trader.',
    all(person, not(has('role', 'trader')), any(deals, all(isInterface, scopeOfKind('dealing')))),
  ],
  'services-do-not-deal': [
    'No order and no request for quotes by a service: only people and certified algorithms deal.',
    all(has('kind', 'service'), deals),
  ],
  'no-intent-governs-the-control-plane': [
    'No token and no step for an intent to administer the control plane: two people apply such a change.',
    intent('privileged_admin'),
  ],

  // ---- Algorithms
  'agent-certified': [
    'No step by an uncertified algorithm, and no token for one.',
    all(agent, has('certificate', 'Draft', 'Submitted'), any(isToken, marketInterface, all(business, not(carriesOn)))),
  ],
  'agent-artefact': [
    'No dealing by an algorithm with an artefact other than the certified one.',
    all(agent, deals, not(has('artefact', 'certified'))),
  ],
  'agent-names-its-artefact': [
    'No dealing by an algorithm on an intent that names no algorithm.',
    all(agent, deals, has('algorithm', 'not-named')),
  ],
  'agent-certificate': [
    'No dealing by an algorithm under a certificate that is no longer current.',
    all(agent, deals, has('certificateNamed', 'other')),
  ],
  'agents-only-trade': ['No token for an algorithm except for orders and quotes.', all(agent, isToken, not(dealing))],
  'agents-move-nothing': ['No moving of assets, allocation or reporting by an algorithm.', all(agent, ownAffairs)],
  'agents-do-not-govern': [
    'No administration by an algorithm: it neither approves nor changes rules, keys, people or evidence.',
    all(agent, isInterface, any(scopeOfKind('approving'), scope(...governingScopes))),
  ],
  'no-governing-by-software': [
    'No administration by software: only people change rules, keys, the directory, access and evidence.',
    all(not(person), interfaceFor(...governingScopes)),
  ],
  'appointed-people-govern': [
    'No administration of the installation without the role operator or approver in the directory.',
    all(interfaceFor(...installationScopes), not(has('role', 'operator', 'approver'))),
  ],
  'control-functions-disclose': [
    'No disclosure or export of evidence by a person without a control function.',
    all(interfaceFor(...disclosingScopes), has('role', 'trader', 'none')),
  ],
  'control-functions-halt': [
    'No halt of trading, and no release, by a person without a control function.',
    all(person, interfaceFor(...haltingScopes), has('role', 'trader', 'auditor', 'none')),
  ],
  'agent-ceiling': [
    'No order of an algorithm above 5,000,000, even with approval.',
    all(agent, dealingStep, worthAbove(5_000_000)),
  ],
  'agent-supervised': [
    'No order of an algorithm above 250,000 without approval.',
    all(agent, dealingStep, worthAbove(250_000), not(approvedAbove)),
  ],
  'agent-plain-products': [
    'No dealing by an algorithm in structured or exotic products.',
    all(agent, deals, complexProduct),
  ],
  'no-borrowed-algorithm': [
    'No new transaction by a person that names an algorithm: an algorithm acts under its own identity.',
    all(person, dealing, has('algorithm', 'named'), any(isToken, all(business, not(carriesOn)))),
  ],

  // ---- Signing in
  'no-weak-sign-in': [
    'No dealing and no action on an intent with a weak sign-in.',
    all(person, any(isToken, marketInterface), not(any(has('acr', 'phr', 'phrh'), developmentSignIn))),
  ],
  'no-old-sign-in': [
    'No action on an intent or in a market with a sign-in older than two hours, or of unknown age.',
    all(person, any(isToken, marketInterface), has('signInAge', 'three-hours', 'unknown')),
  ],
  'assets-by-a-recent-sign-in': [
    'No moving of assets with a sign-in older than half an hour.',
    all(person, isToken, movingAssets, has('signInAge', 'one-hour')),
  ],
  'assets-at-interfaces-by-a-recent-sign-in': [
    'No token for an interface with a scope to move assets, with a sign-in older than half an hour.',
    all(
      person,
      interfaceFor('settlement:release', 'collateral:transfer', 'withdrawal:release'),
      has('signInAge', 'one-hour'),
    ),
  ],
  'governing-by-hardware-key': [
    'No administration without a hardware key used within half an hour.',
    all(
      person,
      interfaceFor(...governingScopes),
      has('installation', 'production'),
      not(all(has('acr', 'phrh'), has('signInAge', 'one-minute', 'twenty-minutes'))),
    ),
  ],
  'no-development-sign-in': [
    'The development sign-in never counts outside development.',
    all(has('acr', 'development'), has('installation', 'production')),
  ],
  'very-large-by-hardware-key': [
    'No token for an order above 10,000,000 without a hardware key used for this order within five minutes.',
    all(person, isToken, dealing, intended, worthAbove(10_000_000), not(hardwareKeyUsed)),
  ],
  'very-large-rests-on-hardware-key': [
    'No order above 10,000,000 on a token that was issued without a hardware key, or an hour after its use.',
    all(
      person,
      placing,
      intended,
      worthAbove(10_000_000),
      has('permitted', 'hardware-key-an-hour-before', 'phr', 'pwd'),
    ),
  ],
  'sign-in-stays-with-the-intent': [
    'No step by a person on an intent whose token was issued on a weak sign-in.',
    all(person, business, has('permitted', 'pwd')),
  ],
  'partners-provide-claims': [
    'No token on a partner’s assertion that does not state who signed in, how and when.',
    all(not(anyStep), has('partner', 'claims-missing')),
  ],
  'partners-speak-for-their-own': [
    'No token on a partner’s assertion about a principal of another firm.',
    all(not(anyStep), has('partner', 'another-firm')),
  ],

  // ---- Scopes and what they go with
  'assets-leave-by-intent': [
    'No scope to move assets out of the firm without the intent.',
    interfaceFor('withdrawal:request', 'withdrawal-address:propose'),
  ],
  'scope-of-its-intent': [
    'No scope to move assets out of the firm with an intent of another type.',
    all(
      isToken,
      any(
        all(scope('withdrawal:request'), not(intent('withdrawal'))),
        all(scope('withdrawal-address:propose'), not(intent('address_book_change'))),
      ),
    ),
  ],
  'governing-without-intent': [
    'No administrative scope with an intent, which would extend the lifetime of its token.',
    all(isToken, scope(...governingScopes)),
  ],
  'step-of-its-intent': ['No step on an intent of another kind.', all(anyStep, not(stepOfItsIntent))],
  'nothing-twice': [
    'No repetition of an executed, ended or completed transaction.',
    all(any(dealingStep, ownAffairs), not(open)),
  ],
  'no-token-for-a-closed-intent': [
    'No token for a finished transaction, except to read it or to correct a report.',
    all(isToken, closed, not(scopeOfKind('reading')), not(intent('regulatory_report'))),
  ],
  'trade-behind-it': [
    'No allocation, clearing or settlement without its executed trade.',
    all(followingTrade, has('trade', 'unknown'), intentBusiness),
  ],
  'clear-what-was-executed': [
    'No clearing of an order that was not executed, and no settlement of an order that was not cleared.',
    all(intent('trade_order'), step('settlement:instruct', 'settlement:release'), not(completesOrder)),
  ],
  'release-what-was-affirmed': [
    'No release of a settlement that the counterparty has not affirmed.',
    all(intent('settlement_instruction'), step('settlement:release'), not(state('affirmed'))),
  ],

  // ---- With whom: registration, customer review, sanctions
  'no-new-risk-of-a-lapsed-firm': [
    'No new business by a firm whose LEI has lapsed.',
    all(has('firm', 'lapsed'), not(carriesOn), intentBusiness),
  ],
  'no-market-access-of-a-lapsed-firm': [
    'No scope for new business in a market for a firm whose LEI has lapsed.',
    all(has('firm', 'lapsed'), actsAtInterface, not(carriesOn)),
  ],
  'entity-registered': [
    'No new business in the name of a firm whose LEI has lapsed or is unknown.',
    all(has('entity', 'lapsed', 'unknown'), newBusiness),
  ],
  'client-registered': [
    'No order for the account of a client whose LEI has lapsed.',
    all(dealsOpen, not(carriesOn), has('client', 'lapsed')),
  ],
  'party-registered': [
    'No new business with a party whose LEI has lapsed or is unknown.',
    all(has('party', 'lapsed', 'unknown'), newBusiness, partyNamed),
  ],
  'customer-known': [
    'No new business with a firm whose know-your-customer review is missing, pending or expired.',
    all(
      newBusiness,
      any(
        has('firm', 'kyc-pending', 'kyc-expired'),
        all(partyNamed, has('party', 'kyc-pending', 'kyc-expired', 'unknown')),
      ),
    ),
  ],
  'customer-known-at-interfaces': [
    'No acting scope at an interface for a firm whose know-your-customer review is missing, pending or expired.',
    all(actsAtInterface, not(carriesOn), has('firm', 'kyc-pending', 'kyc-expired')),
  ],
  'risk-taken': [
    'No business at any step with a firm whose money-laundering risk is unacceptable or was never rated.',
    all(gated, firmWith('aml-prohibited', 'aml-unrated', 'unknown')),
  ],
  'not-sanctioned': [
    'No business at any step with a firm on a sanctions list.',
    all(gated, firmWith('sanctions-match', 'unknown')),
  ],
  'screened-today': [
    'No business with a firm that was not screened against sanctions within a day.',
    all(gated, firmWith('sanctions-stale', 'unknown')),
  ],
  'screening-is-not-postdated': [
    'No business on a sanctions screening that is dated in the future.',
    all(gated, firmWith('sanctions-postdated')),
  ],
  'served-entity': [
    'No new business in the name of a firm in a country that is not served.',
    all(newBusiness, has('entity', 'not-served', 'unknown')),
  ],
  'served-client': [
    'No order for a client in a country that is not served.',
    all(dealsOpen, has('client', 'not-served')),
  ],
  'served-party': [
    'No new business with a party in a country that is not served.',
    all(newBusiness, partyNamed, has('party', 'not-served')),
  ],
  'served-venue': [
    'No order on a venue that is unknown, has closed, or is in a country that is not served.',
    all(dealsOpen, not(has('venue', 'served'))),
  ],
  'restricted-list': [
    'No dealing in an instrument on the restricted list.',
    all(dealsOpen, has('instrument', 'restricted')),
  ],
  'data-stays': [
    'No processing of a firm’s data outside the regions that it permits.',
    any(
      all(intentBusiness, any(has('entity', 'data-elsewhere'), all(dealing, has('client', 'data-elsewhere')))),
      all(has('firm', 'data-elsewhere'), not(cancel)),
    ),
  ],

  // ---- The desk and the client
  'desk-registered': ['No dealing without a desk in the directory.', all(dealsOpen, has('desk', 'unknown'))],
  'desk-product': [
    'No dealing in products outside the desk’s entitlements.',
    all(dealsOpen, has('desk', 'not-the-product')),
  ],
  'desk-venue': ['No dealing on venues outside the desk’s entitlements.', all(dealsOpen, has('desk', 'not-the-venue'))],
  'desk-jurisdiction': [
    'No dealing under jurisdictions outside the desk’s entitlements.',
    all(dealsOpen, has('desk', 'not-the-jurisdiction')),
  ],
  'account-registered': [
    'No dealing for an account that is not in the directory.',
    all(dealsOpen, has('client', 'account-unknown')),
  ],
  'client-categorised': [
    'No dealing for a client that was not categorised.',
    all(dealsOpen, has('client', 'not-categorised')),
  ],
  'retail-suited': [
    'No dealing for a retail client in a product that was not found suitable.',
    all(dealsOpen, has('client', 'retail-not-suited')),
  ],
  'retail-no-otc': [
    'No over-the-counter derivatives for a retail client.',
    all(dealsOpen, has('client', 'retail-suited', 'retail-not-suited'), has('instrument', 'swap')),
  ],
  'professional-assessed': [
    'No derivatives for a professional client that was not assessed for them.',
    all(dealsOpen, has('client', 'professional-not-assessed'), has('instrument', 'swap', 'exotic')),
  ],

  // ---- Approvals
  'large-needs-approval': [
    'No order above 1,000,000 without approval.',
    all(placing, worthAbove(1_000_000), not(approvedAbove)),
  ],
  'very-large-needs-two': [
    'No order above 10,000,000 on one approval.',
    all(placing, worthAbove(10_000_000), not(approvedBy('two-of-risk', 'three-of-risk', 'desk-head-and-risk'))),
  ],
  'huge-needs-three': [
    'No order above 50,000,000 on two approvals, or without approval by risk.',
    all(placing, worthAbove(50_000_000), not(approvedBy('three-of-risk'))),
  ],
  'complex-needs-desk-head': [
    'No structured or exotic product without approval by the desk head or risk.',
    all(placing, complexProduct, not(approvedBy(...byDeskHeadOrRisk))),
  ],
  'out-of-hours-needs-desk-head': [
    'No dealing out of hours without approval by the desk head or risk.',
    all(placing, has('hours', 'closed'), not(approvedBy(...byDeskHeadOrRisk))),
  ],
  'high-risk-needs-compliance': [
    'No new business with a firm of high money-laundering risk without approval by compliance.',
    all(any(placing, movesAssets), firmWith('aml-high'), not(approvedBy('compliance'))),
  ],
  'high-risk-withdrawal-needs-compliance': [
    'No token to move assets to or from a firm of high money-laundering risk without approval by compliance.',
    all(isToken, leaving, firmWith('aml-high'), not(approvedBy('compliance'))),
  ],
  'high-risk-country-needs-compliance': [
    'No dealing and no moving of assets with a firm in a high-risk country without approval by compliance.',
    all(
      any(placing, movesAssets),
      any(
        has('entity', 'high-risk-country'),
        all(placing, has('client', 'high-risk-country')),
        has('party', 'high-risk-country'),
      ),
      not(approvedBy('compliance')),
    ),
  ],
  'new-destination-needs-operations': [
    'No withdrawal to a new destination without two approvals by operations or risk.',
    all(
      any(isToken, movesAssets),
      intent('withdrawal'),
      has('destination', 'new'),
      not(approvedBy('two-of-operations', 'two-of-risk', 'three-of-risk')),
    ),
  ],
  'new-destination-needs-hardware-key': [
    'No withdrawal by a person to a new destination without a hardware key used within five minutes.',
    all(
      ...[person, intent('withdrawal'), any(isToken, step('withdrawal:request'))],
      ...[has('destination', 'new'), not(hardwareKeyUsed)],
    ),
  ],
  'out-of-hours-assets-need-hardware-key': [
    'No moving of assets by a person out of hours without a hardware key used within five minutes.',
    all(
      ...[person, leaving, any(isToken, step('withdrawal:request', 'withdrawal-address:propose'))],
      ...[has('hours', 'closed'), not(hardwareKeyUsed)],
    ),
  ],
  'settlement-by-address-book': [
    'No settlement to a receiver that is not in the address book.',
    all(
      ...[intent('settlement_instruction'), has('destination', 'new')],
      any(isToken, step('settlement:instruct', 'settlement:release')),
    ),
  ],
  'collateral-by-agreement': [
    'No transfer of collateral without an agreement in force.',
    all(intent('collateral_transfer'), has('agreement', 'not-in-force'), any(isToken, step('collateral:transfer'))),
  ],

  // ---- Risk signals and devices
  'not-after-a-takeover': [
    'No action while the account may have been taken over, regardless of who reports the signs.',
    all(not(cancel), any(has('signals', ...takeovers), has('claimedSignals', ...takeovers))),
  ],
  'not-after-a-recovery': [
    'No dealing, settling or moving of assets during the waiting time after an account recovery.',
    all(
      any(isToken, step(...dealingSteps, ...movingSteps, ...postTradeSteps)),
      any(has('signals', 'recovered-recently'), has('claimedSignals', 'recovered-recently')),
    ),
  ],
  'software-stops-at-a-signal': [
    'No new transaction by software while a risk signal is active.',
    all(not(person), atDevice, signalled),
  ],
  'person-steps-up-at-a-signal': [
    'No action by a person under a risk signal without a hardware key used within five minutes.',
    all(person, atDevice, signalled, not(hardwareKeyUsed)),
  ],
  'device-in-order': [
    'No action from a device that fails the rules or was not checked within a week.',
    all(atDevice, any(has('device', ...faulty), has('claimedDevice', ...faulty))),
  ],
};

const always: Rules = {
  'desk-works': [
    'A trader with everything in order gets a token for an order and places it.',
    all(person, intended, dealing, ownScope, allInOrder),
  ],
  'algorithms-work': [
    'A certified algorithm with everything in order gets a token for an order and places it.',
    all(
      ...[agent, intended, dealing, ownScope, onlyOtherwise('certificate', 'certificateNamed')],
      ...[has('certificate', 'Approved', 'Registered'), not(has('certificateNamed', 'other'))],
    ),
  ],
  'cancelling-stays': [
    'Every principal of the initiating firm can always cancel.',
    all(
      ...[has('inDirectory', 'yes'), step('order:cancel'), dealing],
      ...[has('initiatedBy', 'own-firm'), not(has('acr', 'development'))],
    ),
  ],
  'executed-is-cleared': [
    'An executed order is cleared and settled even if the algorithm was decertified.',
    all(completesOrder, onlyOtherwise('certificate', 'artefact', 'certificateNamed', 'algorithm')),
  ],
  'executed-is-cleared-after-a-lapse': [
    'An executed order is cleared and settled even if a registration or a customer review has lapsed.',
    all(
      ...[completesOrder, onlyOtherwise('firm', 'party', 'entity', 'client')],
      has('firm', 'in-order', 'lapsed', 'kyc-pending', 'kyc-expired'),
      has('party', 'in-order', 'lapsed', 'kyc-pending', 'kyc-expired'),
      ...[has('entity', 'own-firm'), has('client', 'own-firm', 'lapsed')],
    ),
  ],
  'post-trade-works': [
    'People and services with everything in order allocate, clear, settle and report.',
    all(
      ...[not(agent), intended, any(followingTrade, intent('regulatory_report')), ownScope, allInOrder],
      not(scope('settlement:release', 'settlement:cancel')),
    ),
  ],
  'affirmed-is-released': [
    'A settlement that the counterparty has affirmed is released.',
    all(not(agent), intent('settlement_instruction'), state('affirmed'), step('settlement:release'), allInOrder),
  ],
  'assets-move': [
    'People and services with everything in order move assets of their own firm.',
    all(not(agent), movingAssets, any(all(intended, isToken), ownMove), ownScope, allInOrder),
  ],
  'reports-go-on': [
    'A compliance finding never stops a report to an authority.',
    all(
      ...[not(agent), intent('regulatory_report'), inOrderOfSteps],
      ...[onlyOtherwise('firm', 'party'), not(has('firm', 'data-elsewhere'))],
    ),
  ],
  'reports-are-corrected': [
    'A report that was accepted or rejected can be corrected.',
    all(
      ...[isToken, not(agent), intent('regulatory_report'), state('accepted', 'rejected')],
      ...[scope('report:correct'), allInOrder],
    ),
  ],
  'reading-goes-on': [
    'Every principal in the directory may read, whatever compliance has found about their firm.',
    all(
      ...[isInterface, scopeOfKind('reading')],
      onlyOtherwise('firm', 'role', 'acr', 'signInAge', 'mandate', 'desk', 'hours', 'certificate'),
      ...[not(has('firm', 'data-elsewhere')), not(has('acr', 'development'))],
    ),
  ],
  'taking-back-goes-on': [
    'A firm whose LEI has lapsed still revokes, locks, ends sessions and cancels.',
    all(
      interfaceFor('token:revoke', 'halt:trip', 'account:lock', 'session:end', 'order:cancel', 'settlement:cancel'),
      any(not(agent), scopeOfKind('cancelling')),
      ...[onlyOtherwise('firm'), not(has('firm', 'data-elsewhere'))],
    ),
  ],
  'people-govern': [
    'A person with the role and a hardware key gets the administrative scopes.',
    all(
      ...[person, interfaceFor(...governingScopes), onlyOtherwise('signInAge')],
      has('signInAge', 'one-minute', 'twenty-minutes'),
    ),
  ],
  'control-functions-may-disclose': [
    'A person with a control function and a hardware key gets the scopes to disclose evidence.',
    all(person, interfaceFor(...disclosingScopes), onlyOtherwise('role'), not(has('role', 'trader', 'none'))),
  ],
  'control-functions-may-halt': [
    'A person with a control function halts trading with the present sign-in.',
    all(person, interfaceFor('halt:trip'), onlyOtherwise('role'), not(has('role', 'trader', 'auditor', 'none'))),
  ],
  'approved-large-orders': [
    'A large order is permitted once every role has approved it and a hardware key was used.',
    all(person, placing, open, ownScope, onlyOtherwise('amount', 'approvals'), has('approvals', 'everybody')),
  ],
  'supervised-orders': [
    'An order up to 3,000,000 is permitted with approval by a supervisor, the desk head or risk.',
    all(
      ...[placing, not(has('kind', 'service')), open, ownScope, onlyOtherwise('amount', 'approvals')],
      ...[not(worthAbove(3_000_000)), approvedAbove],
    ),
  ],
  'small-orders': [
    'A person places an order up to 1,000,000 without an approval.',
    all(person, placing, open, ownScope, onlyOtherwise('amount'), not(worthAbove(1_000_000))),
  ],
  'products-of-the-desk': [
    'A person at an entitled desk deals in plain shares, bonds and swaps.',
    all(person, dealsOpen, ownScope, onlyOtherwise('instrument'), has('instrument', 'share', 'bond', 'swap')),
  ],
  'suited-clients': [
    'A person deals for a client that is categorised and suited.',
    all(
      ...[person, dealsOpen, ownScope, onlyOtherwise('client')],
      has('client', 'retail-suited', 'professional-assessed', 'professional-not-assessed'),
    ),
  ],
  'phishing-resistant-is-enough': [
    'A phishing-resistant sign-in of the last two hours is enough for an ordinary order.',
    all(
      ...[person, isToken, dealing, intended, ownScope, onlyOtherwise('acr', 'signInAge', 'bound', 'permitted')],
      ...[has('acr', 'phr', 'phrh'), has('signInAge', 'one-minute', 'twenty-minutes', 'one-hour')],
    ),
  ],
  'stepped-up-past-a-signal': [
    'A person who used a hardware key for this intent can continue under a signal of unusual activity.',
    all(
      ...[person, deals, intended, ownScope, onlyOtherwise('signals', 'claimedSignals')],
      ...[has('signals', 'none', 'unusual'), has('claimedSignals', 'none', 'unusual')],
    ),
  ],
  'checked-devices': [
    'A device that was checked within a week never stops an action.',
    all(
      ...[person, dealsOpen, ownScope, onlyOtherwise('device', 'claimedDevice')],
      ...[has('device', 'none', 'compliant'), has('claimedDevice', 'none', 'compliant')],
    ),
  ],
  'two-of-operations-open-a-destination': [
    'A withdrawal to a new destination is permitted after two approvals by operations and with a hardware key.',
    all(
      ...[person, intent('withdrawal'), intended, not(isInterface), scope('withdrawal:request')],
      ...[onlyOtherwise('destination', 'approvals'), approvedBy('two-of-operations')],
    ),
  ],
  'compliance-permits-high-risk': [
    'Business that compliance has approved is permitted despite a high risk.',
    all(
      ...[person, placing, open, ownScope, onlyOtherwise('party', 'approvals')],
      ...[has('party', 'in-order', 'aml-high', 'high-risk-country'), approvedBy('compliance')],
    ),
  ],
  'partners-sign-people-in': [
    'A person deals with a complete assertion from their own firm.',
    all(person, dealsOpen, ownScope, onlyOtherwise('partner', 'bound'), has('partner', 'none', 'own-firm')),
  ],
  'closed-intents-are-readable': [
    'A finished transaction can still be read.',
    all(isToken, scope('order:read'), intent('trade_order'), person, closed, allInOrder),
  ],
};

const rulesThat = (expects: ControlRule['expects'], rules: Rules): readonly ControlRule[] =>
  Object.entries(rules).map(([id, [says, applies]]) => ({ id, says, expects, applies }));

/** The control rules that the shipped policies must meet. */
export const controlRules = [...rulesThat('refused', never), ...rulesThat('permitted', always)];
