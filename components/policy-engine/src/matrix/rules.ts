import { kindOfScope, type Scope } from '@countersign/market';
import { completingScopesIn, type IntentName, stepsInTurn } from './lives.ts';
import type { Conditions, FactorName, Situation } from './situation.ts';

/** A control rule and the situations it applies to. Rules are independent of the policies, so a lost or wrong policy contradicts one. */
export interface ControlRule {
  readonly id: string;
  readonly says: string;
  /** The required outcome wherever it applies. */
  readonly expects: 'refused' | 'permitted';
  applies(asked: Asked): boolean;
}

export type Asked = Situation & { readonly otherwise: readonly FactorName[] };

const dealingSteps = ['order:create', 'rfq:create', 'rfq:accept'];
const movingSteps = ['withdrawal:request', 'withdrawal:release', 'withdrawal-address:propose', 'collateral:transfer'];
const postTradeSteps = ['trade:affirm', 'settlement:instruct', 'settlement:release'];
const dealt: readonly IntentName[] = ['trade_order', 'rfq'];
const followingTrade: readonly IntentName[] = ['allocation', 'clearing_submission', 'settlement_instruction'];
const leaving: readonly IntentName[] = ['withdrawal', 'address_book_change'];
const isInTurn = ({ ask }: Asked) =>
  ask.door === 'step' && stepsInTurn[ask.intent][ask.scope]?.includes(ask.state) === true;
const openStates = [
  ...['intended', 'submitted', 'acknowledged', 'requested', 'quoted', 'proposed', 'pledged', 'approved'],
];
const overStates = [
  ...['settled', 'accepted', 'declined', 'given-up', 'confirmed', 'returned', 'revoked', 'applied', 'failed'],
  ...['cancelled', 'rejected', 'expired'],
];
/** Scopes that change rules, keys, access or the log. */
const installationActs = [
  ...['policy:propose', 'policy:approve', 'policy:rollback', 'directory:apply', 'directory:approve'],
  ...['key:rotate', 'key:revoke', 'partner:register', 'legalhold:place', 'legalhold:release', 'revocation:lift'],
  ...['retention:propose', 'retention:approve', 'erasure:propose', 'erasure:approve'],
];
const disclosures = ['audit:disclose', 'audit:export'];
const governingActs = [
  ...installationActs,
  ...disclosures,
  ...['exception:resolve', 'authenticator:invite', 'account:unlock', 'recovery:open'],
];
/** Findings that rule out business. */
const riskNotTaken = ['aml-prohibited', 'aml-unrated'];

const kindOf = (scope: string) => kindOfScope(scope as Scope);
const isStep = ({ ask }: Asked, ...scopes: readonly string[]) => ask.door === 'step' && scopes.includes(ask.scope);
const intentOf = ({ ask }: Asked) => (ask.door === 'interface' ? undefined : ask.intent);
const stateOf = ({ ask }: Asked) => (ask.door === 'interface' ? undefined : ask.state);
const isToken = ({ ask }: Asked) => ask.door === 'token';
const isOpen = (asked: Asked) => openStates.includes(stateOf(asked) ?? '');
const isDealt = (asked: Asked) => dealt.includes(intentOf(asked) ?? 'withdrawal');
const isCancel = ({ ask }: Asked) => ask.door === 'step' && kindOf(ask.scope) === 'cancelling';
const isMarket = (scope: string) => ['dealing', 'settling'].includes(kindOf(scope));
const marketInterface = ({ ask }: Asked) => ask.door === 'interface' && isMarket(ask.scope);
/** A token for an order or a quote, or placing it. */
const deals = (asked: Asked) => isDealt(asked) && (isToken(asked) || isStep(asked, ...dealingSteps));
const dealsOpen = (asked: Asked) => deals(asked) && isOpen(asked);
const movesAssets = (asked: Asked) => isStep(asked, ...movingSteps);
/** Any step except cancelling. */
const isBusiness = (asked: Asked) => asked.ask.door === 'step' && !isCancel(asked);
const intentBusiness = (asked: Asked) => isToken(asked) || isBusiness(asked);

/** Whether it continues or ends a transaction, clears or settles a known trade, reports, or only reads. */
function carriesOn({ ask, is }: Asked): boolean {
  if (ask.door === 'interface') return is.step === 'completing' || !canBegin(ask.scope);
  if (ask.door === 'token' && !canBegin(ask.scope)) return true;
  if (ask.intent === 'regulatory_report') return true;
  if (['clearing_submission', 'settlement_instruction'].includes(ask.intent) && is.trade === 'known') return true;
  return completingScopesIn(ask.intent, ask.state).includes(ask.scope);
}
const canBegin = (scope: string) => !['reading', 'cancelling'].includes(kindOf(scope));

/** New business, which the compliance gates apply to. */
const newBusiness = (asked: Asked) =>
  !carriesOn(asked) && isOpen(asked) && (isToken(asked) || isStep(asked, ...dealingSteps) || movesAssets(asked));
const partyNamed = (asked: Asked) => {
  const intent = intentOf(asked);
  return intent !== undefined && intent !== 'privileged_admin';
};
/** Scopes that act for a firm at an interface. */
const actingScopes = [
  ...['order:create', 'rfq:create', 'rfq:respond', 'rfq:accept', 'trade:affirm', 'allocation:propose'],
  ...['settlement:instruct', 'settlement:release', 'margin:pledge', 'collateral:transfer'],
];
const actsAtInterface = ({ ask }: Asked) => ask.door === 'interface' && actingScopes.includes(ask.scope);

const worth = (is: Conditions): number =>
  is.amount === 'rate-unknown' ? Number.POSITIVE_INFINITY : Number(is.amount.replaceAll(',', ''));
const hardwareNow = (is: Conditions) => is.acr === 'phrh' && is.signInAge === 'one-minute' && is.bound !== 'to-another';
const forDevelopment = (is: Conditions) => is.acr === 'development' && is.installation === 'development';
const isComplex = (is: Conditions) => is.instrument === 'structured' || is.instrument === 'exotic';
const approvedBy = (is: Conditions, ...given: readonly Conditions['approvals'][]) =>
  is.approvals === 'everybody' || given.includes(is.approvals);
const bySomeoneAbove: readonly Conditions['approvals'][] = [
  ...(['supervisor', 'desk-head', 'risk', 'two-of-risk', 'three-of-risk', 'desk-head-and-risk'] as const),
];

/** Whether every other factor is in order. */
const onlyOtherwise = ({ otherwise }: Asked, ...names: readonly FactorName[]) =>
  otherwise.every((name) => names.includes(name));

function never(id: string, says: string, applies: ControlRule['applies']): ControlRule {
  return { id, says, expects: 'refused', applies };
}
function always(id: string, says: string, applies: ControlRule['applies']): ControlRule {
  return { id, says, expects: 'permitted', applies };
}

/** The control rules that the shipped policies must meet. */
export const controlRules: readonly ControlRule[] = [
  // ---- Who acts
  never('nobody-unknown', 'A principal that is not in the directory never acts.', ({ is }) => is.inDirectory === 'no'),
  never(
    'trading-needs-all-three',
    'No trading scope without an intent, a mandate and a transaction.',
    (asked) => marketInterface(asked) && asked.is.step === 'none',
  ),
  never(
    'mandate-stands',
    'No action under a mandate that is not in force.',
    (asked) => intentBusiness(asked) && asked.is.mandate === 'does-not-stand',
  ),
  never(
    'token-before-step',
    'No step on an intent before its initiator was permitted a token for it.',
    (asked) =>
      isBusiness(asked) && stateOf(asked) === 'intended' && asked.is.permitted === 'no-token' && !carriesStep(asked),
  ),
  never(
    'steps-in-turn',
    'No step from a state in which the life cycle of the intent has no such step.',
    (asked) => isBusiness(asked) && !isInTurn(asked),
  ),
  never(
    'own-transactions',
    'No action on a transaction that another firm initiated.',
    (asked) => asked.ask.door !== 'interface' && asked.is.begunBy === 'another-firm',
  ),
  never(
    'own-name',
    'Post-trade work and moving assets only in the name of one’s own firm.',
    (asked) => isToken(asked) && !isDealt(asked) && asked.is.entity !== 'own-firm',
  ),
  never(
    'own-assets',
    'No moving of assets, allocation or reporting for another firm.',
    (asked) => isStep(asked, ...movingSteps, 'allocation:propose', 'report:submit') && asked.is.entity !== 'own-firm',
  ),
  never(
    'traders-deal',
    'No dealing by a person who is not a trader.',
    (asked) =>
      asked.is.kind === 'person' &&
      asked.is.role !== 'trader' &&
      (deals(asked) || (asked.ask.door === 'interface' && kindOf(asked.ask.scope) === 'dealing')),
  ),
  never(
    'services-do-not-deal',
    'No order and no request for quotes by a service: only people and certified algorithms deal.',
    (asked) => asked.is.kind === 'service' && deals(asked),
  ),
  never(
    'no-intent-governs-the-control-plane',
    'No token and no step for an intent to administer the control plane: two people apply such a change.',
    (asked) => intentOf(asked) === 'privileged_admin',
  ),

  // ---- Algorithms
  never(
    'agent-certified',
    'No step by an uncertified algorithm, and no token for one.',
    (asked) =>
      asked.is.kind === 'agent' &&
      ['Draft', 'Submitted'].includes(asked.is.certificate) &&
      (isToken(asked) || marketInterface(asked) || (isBusiness(asked) && !carriesOn(asked))),
  ),
  never(
    'agent-artefact',
    'No dealing by an algorithm with an artefact other than the certified one.',
    (asked) => asked.is.kind === 'agent' && deals(asked) && asked.is.artefact !== 'certified',
  ),
  never(
    'agent-names-its-artefact',
    'No dealing by an algorithm on an intent that names no algorithm.',
    (asked) => asked.is.kind === 'agent' && deals(asked) && asked.is.algorithm === 'not-named',
  ),
  never(
    'agent-certificate',
    'No dealing by an algorithm under a certificate that is no longer current.',
    (asked) => asked.is.kind === 'agent' && deals(asked) && asked.is.certificateNamed === 'other',
  ),
  never(
    'agents-only-deal',
    'No token for an algorithm except for orders and quotes.',
    (asked) => asked.is.kind === 'agent' && isToken(asked) && !isDealt(asked),
  ),
  never(
    'agents-move-nothing',
    'No moving of assets, allocation or reporting by an algorithm.',
    (asked) => asked.is.kind === 'agent' && isStep(asked, ...movingSteps, 'allocation:propose', 'report:submit'),
  ),
  never(
    'agents-do-not-govern',
    'No administration by an algorithm: it neither approves nor changes rules, keys, people or evidence.',
    ({ ask, is }) =>
      is.kind === 'agent' &&
      ask.door === 'interface' &&
      (kindOf(ask.scope) === 'approving' || governingActs.includes(ask.scope)),
  ),
  never(
    'no-governing-by-software',
    'No administration by software: only people change rules, keys, the directory, access and evidence.',
    ({ ask, is }) => is.kind !== 'person' && ask.door === 'interface' && governingActs.includes(ask.scope),
  ),
  never(
    'appointed-people-govern',
    'No administration of the installation without the role operator or approver in the directory.',
    ({ ask, is }) =>
      ask.door === 'interface' && installationActs.includes(ask.scope) && !['operator', 'approver'].includes(is.role),
  ),
  never(
    'control-functions-disclose',
    'No disclosure or export of evidence by a person without a control function.',
    ({ ask, is }) =>
      ask.door === 'interface' && disclosures.includes(ask.scope) && ['trader', 'none'].includes(is.role),
  ),
  never(
    'agent-ceiling',
    'No order of an algorithm above 5,000,000, even with approval.',
    (asked) => asked.is.kind === 'agent' && isStep(asked, ...dealingSteps) && worth(asked.is) > 5_000_000,
  ),
  never(
    'agent-supervised',
    'No order of an algorithm above 250,000 without approval.',
    (asked) =>
      asked.is.kind === 'agent' &&
      isStep(asked, ...dealingSteps) &&
      worth(asked.is) > 250_000 &&
      !approvedBy(asked.is, ...bySomeoneAbove),
  ),
  never(
    'agent-plain-products',
    'No dealing by an algorithm in structured or exotic products.',
    (asked) => asked.is.kind === 'agent' && deals(asked) && isComplex(asked.is),
  ),
  never(
    'no-borrowed-algorithm',
    'No new transaction by a person that names an algorithm: an algorithm acts under its own identity.',
    (asked) =>
      asked.is.kind === 'person' &&
      isDealt(asked) &&
      asked.is.algorithm === 'named' &&
      (isToken(asked) || (isBusiness(asked) && !carriesOn(asked))),
  ),

  // ---- Signing in
  never(
    'no-weak-sign-in',
    'No dealing and no action on an intent with a weak sign-in.',
    (asked) =>
      asked.is.kind === 'person' &&
      (isToken(asked) || marketInterface(asked)) &&
      !['phr', 'phrh'].includes(asked.is.acr) &&
      !forDevelopment(asked.is),
  ),
  never(
    'no-old-sign-in',
    'No action on an intent or in a market with a sign-in older than two hours, or of unknown age.',
    (asked) =>
      asked.is.kind === 'person' &&
      (isToken(asked) || marketInterface(asked)) &&
      ['three-hours', 'unknown'].includes(asked.is.signInAge),
  ),
  never(
    'assets-by-a-recent-sign-in',
    'No moving of assets with a sign-in older than half an hour.',
    (asked) =>
      asked.is.kind === 'person' &&
      isToken(asked) &&
      [...leaving, 'collateral_transfer'].includes(intentOf(asked) ?? 'rfq') &&
      asked.is.signInAge === 'one-hour',
  ),
  never(
    'assets-at-interfaces-by-a-recent-sign-in',
    'No token for an interface with a scope to move assets, with a sign-in older than half an hour.',
    ({ ask, is }) =>
      is.kind === 'person' &&
      ask.door === 'interface' &&
      ['settlement:release', 'collateral:transfer', 'withdrawal:release'].includes(ask.scope) &&
      is.signInAge === 'one-hour',
  ),
  never(
    'governing-by-hardware-key',
    'No administration without a hardware key used within half an hour.',
    ({ ask, is }) =>
      is.kind === 'person' &&
      ask.door === 'interface' &&
      governingActs.includes(ask.scope) &&
      is.installation === 'production' &&
      (is.acr !== 'phrh' || !['one-minute', 'twenty-minutes'].includes(is.signInAge)),
  ),
  never(
    'no-development-sign-in',
    'The development sign-in never counts outside development.',
    ({ is }) => is.acr === 'development' && is.installation === 'production',
  ),
  never(
    'very-large-by-hardware-key',
    'No token for an order above 10,000,000 without a hardware key used for this order within five minutes.',
    (asked) =>
      asked.is.kind === 'person' &&
      isToken(asked) &&
      isDealt(asked) &&
      stateOf(asked) === 'intended' &&
      worth(asked.is) > 10_000_000 &&
      !hardwareNow(asked.is) &&
      !(forDevelopment(asked.is) && asked.is.signInAge === 'one-minute'),
  ),
  never(
    'very-large-rests-on-hardware-key',
    'No order above 10,000,000 on a token that was issued without a hardware key, or an hour after its use.',
    (asked) =>
      asked.is.kind === 'person' &&
      isDealt(asked) &&
      isStep(asked, ...dealingSteps) &&
      stateOf(asked) === 'intended' &&
      worth(asked.is) > 10_000_000 &&
      ['hardware-key-an-hour-before', 'phr', 'pwd'].includes(asked.is.permitted),
  ),
  never(
    'sign-in-stays-with-the-intent',
    'No step by a person on an intent whose token was issued on a weak sign-in.',
    (asked) => asked.is.kind === 'person' && isBusiness(asked) && asked.is.permitted === 'pwd',
  ),
  never(
    'partners-say-how',
    'No token on a partner’s assertion that does not state who signed in, how and when.',
    ({ ask, is }) => ask.door !== 'step' && is.partner === 'claims-missing',
  ),
  never(
    'partners-vouch-for-their-own',
    'No token on a partner’s assertion about a principal of another firm.',
    ({ ask, is }) => ask.door !== 'step' && is.partner === 'another-firm',
  ),

  // ---- Scopes and what they go with
  never(
    'assets-leave-by-intent',
    'No scope to move assets out of the firm without the intent.',
    ({ ask }) => ask.door === 'interface' && ['withdrawal:request', 'withdrawal-address:propose'].includes(ask.scope),
  ),
  never(
    'scope-of-its-intent',
    'No scope to move assets out of the firm with an intent of another type.',
    (asked) =>
      isToken(asked) &&
      ((asked.ask.scope === 'withdrawal:request' && intentOf(asked) !== 'withdrawal') ||
        (asked.ask.scope === 'withdrawal-address:propose' && intentOf(asked) !== 'address_book_change')),
  ),
  never(
    'governing-without-intent',
    'No administrative scope with an intent, which would extend the lifetime of its token.',
    (asked) => isToken(asked) && governingActs.includes(asked.ask.scope),
  ),
  never(
    'step-of-its-intent',
    'No step on an intent of another kind.',
    (asked) =>
      asked.ask.door === 'step' &&
      !(isCancel(asked) ? isDealt(asked) : asked.ask.scope in stepsInTurn[asked.ask.intent]),
  ),
  never(
    'nothing-twice',
    'No repetition of an executed, ended or completed transaction.',
    (asked) => isStep(asked, ...dealingSteps, ...movingSteps, 'allocation:propose', 'report:submit') && !isOpen(asked),
  ),
  never(
    'no-token-for-what-is-over',
    'No token for a finished transaction, except to read it or to correct a report.',
    (asked) =>
      isToken(asked) &&
      overStates.includes(stateOf(asked) ?? '') &&
      kindOf(asked.ask.scope) !== 'reading' &&
      intentOf(asked) !== 'regulatory_report',
  ),
  never(
    'trade-behind-it',
    'No allocation, clearing or settlement without its executed trade.',
    (asked) =>
      followingTrade.includes(intentOf(asked) ?? 'rfq') && asked.is.trade === 'unknown' && intentBusiness(asked),
  ),
  never(
    'clear-what-was-executed',
    'No clearing of an order that was not executed, and no settlement of an order that was not cleared.',
    (asked) =>
      intentOf(asked) === 'trade_order' &&
      ((isStep(asked, 'settlement:instruct') && stateOf(asked) !== 'executed') ||
        (isStep(asked, 'settlement:release') && stateOf(asked) !== 'cleared')),
  ),
  never(
    'release-what-was-affirmed',
    'No release of a settlement that the counterparty has not affirmed.',
    (asked) =>
      intentOf(asked) === 'settlement_instruction' &&
      isStep(asked, 'settlement:release') &&
      stateOf(asked) !== 'affirmed',
  ),

  // ---- With whom: registration, customer review, sanctions
  never(
    'no-new-risk-of-a-lapsed-firm',
    'No new business by a firm whose LEI has lapsed.',
    (asked) => asked.is.firm === 'lapsed' && !carriesOn(asked) && intentBusiness(asked),
  ),
  never(
    'no-market-access-of-a-lapsed-firm',
    'No scope for new business in a market for a firm whose LEI has lapsed.',
    (asked) => asked.is.firm === 'lapsed' && actsAtInterface(asked) && !carriesOn(asked),
  ),
  never(
    'entity-registered',
    'No new business in the name of a firm whose LEI has lapsed or is unknown.',
    (asked) => ['lapsed', 'unknown'].includes(asked.is.entity) && newBusiness(asked),
  ),
  never(
    'client-registered',
    'No order for the account of a client whose LEI has lapsed.',
    (asked) => dealsOpen(asked) && !carriesOn(asked) && asked.is.client === 'lapsed',
  ),
  never(
    'party-registered',
    'No new business with a party whose LEI has lapsed or is unknown.',
    (asked) => ['lapsed', 'unknown'].includes(asked.is.party) && newBusiness(asked) && partyNamed(asked),
  ),
  never(
    'customer-known',
    'No new business with a firm whose know-your-customer review is missing, pending or expired.',
    (asked) =>
      newBusiness(asked) &&
      (isKycOpen(asked.is.firm) || (partyNamed(asked) && (isKycOpen(asked.is.party) || asked.is.party === 'unknown'))),
  ),
  never(
    'customer-known-at-interfaces',
    'No acting scope at an interface for a firm whose know-your-customer review is missing, pending or expired.',
    (asked) => actsAtInterface(asked) && !carriesOn(asked) && isKycOpen(asked.is.firm),
  ),
  never(
    'risk-taken',
    'No business at any step with a firm whose money-laundering risk is unacceptable or was never rated.',
    (asked) => gated(asked) && hasPart(asked, (standing) => [...riskNotTaken, 'unknown'].includes(standing)),
  ),
  never(
    'not-sanctioned',
    'No business at any step with a firm on a sanctions list.',
    (asked) => gated(asked) && hasPart(asked, (standing) => ['sanctions-match', 'unknown'].includes(standing)),
  ),
  never(
    'screened-today',
    'No business with a firm that was not screened against sanctions within a day.',
    (asked) => gated(asked) && hasPart(asked, (standing) => ['sanctions-stale', 'unknown'].includes(standing)),
  ),
  never(
    'screening-is-no-promise',
    'No business on a sanctions screening that is dated in the future.',
    (asked) => gated(asked) && hasPart(asked, (standing) => standing === 'sanctions-postdated'),
  ),
  never(
    'served-entity',
    'No new business in the name of a firm in a country that is not served.',
    (asked) => newBusiness(asked) && ['not-served', 'unknown'].includes(asked.is.entity),
  ),
  never(
    'served-client',
    'No order for a client in a country that is not served.',
    (asked) => dealsOpen(asked) && asked.is.client === 'not-served',
  ),
  never(
    'served-party',
    'No new business with a party in a country that is not served.',
    (asked) => newBusiness(asked) && partyNamed(asked) && asked.is.party === 'not-served',
  ),
  never(
    'served-venue',
    'No order on a venue that is unknown, has closed, or is in a country that is not served.',
    (asked) => dealsOpen(asked) && asked.is.venue !== 'served',
  ),
  never(
    'restricted-list',
    'No dealing in an instrument on the restricted list.',
    (asked) => dealsOpen(asked) && asked.is.instrument === 'restricted',
  ),
  never(
    'data-stays',
    'No processing of a firm’s data outside the regions that it permits.',
    (asked) =>
      (intentBusiness(asked) &&
        (asked.is.entity === 'data-elsewhere' || (isDealt(asked) && asked.is.client === 'data-elsewhere'))) ||
      (asked.is.firm === 'data-elsewhere' && !isCancel(asked)),
  ),

  // ---- The desk and the client
  never(
    'desk-registered',
    'No dealing without a desk in the directory.',
    (asked) => dealsOpen(asked) && asked.is.desk === 'unknown',
  ),
  never(
    'desk-product',
    'No dealing in products outside the desk’s entitlements.',
    (asked) => dealsOpen(asked) && asked.is.desk === 'not-the-product',
  ),
  never(
    'desk-venue',
    'No dealing on venues outside the desk’s entitlements.',
    (asked) => dealsOpen(asked) && asked.is.desk === 'not-the-venue',
  ),
  never(
    'desk-jurisdiction',
    'No dealing under jurisdictions outside the desk’s entitlements.',
    (asked) => dealsOpen(asked) && asked.is.desk === 'not-the-jurisdiction',
  ),
  never(
    'account-registered',
    'No dealing for an account that is not in the directory.',
    (asked) => dealsOpen(asked) && asked.is.client === 'account-unknown',
  ),
  never(
    'client-categorised',
    'No dealing for a client that was not categorised.',
    (asked) => dealsOpen(asked) && asked.is.client === 'not-categorised',
  ),
  never(
    'retail-suited',
    'No dealing for a retail client in a product that was not found suitable.',
    (asked) => dealsOpen(asked) && asked.is.client === 'retail-not-suited',
  ),
  never(
    'retail-no-otc',
    'No over-the-counter derivatives for a retail client.',
    (asked) => dealsOpen(asked) && asked.is.client.startsWith('retail') && asked.is.instrument === 'swap',
  ),
  never(
    'professional-assessed',
    'No derivatives for a professional client that was not assessed for them.',
    (asked) =>
      dealsOpen(asked) &&
      asked.is.client === 'professional-not-assessed' &&
      ['swap', 'exotic'].includes(asked.is.instrument),
  ),

  // ---- Approvals
  never(
    'large-needs-approval',
    'No order above 1,000,000 without approval.',
    (asked) => placing(asked) && worth(asked.is) > 1_000_000 && !approvedBy(asked.is, ...bySomeoneAbove),
  ),
  never(
    'very-large-needs-two',
    'No order above 10,000,000 on one approval.',
    (asked) =>
      placing(asked) &&
      worth(asked.is) > 10_000_000 &&
      !approvedBy(asked.is, 'two-of-risk', 'three-of-risk', 'desk-head-and-risk'),
  ),
  never(
    'huge-needs-three',
    'No order above 50,000,000 on two approvals, or without approval by risk.',
    (asked) => placing(asked) && worth(asked.is) > 50_000_000 && !approvedBy(asked.is, 'three-of-risk'),
  ),
  never(
    'complex-needs-desk-head',
    'No structured or exotic product without approval by the desk head or risk.',
    (asked) => placing(asked) && isComplex(asked.is) && !approvedBy(asked.is, ...deskHeadOrRisk),
  ),
  never(
    'out-of-hours-needs-desk-head',
    'No dealing out of hours without approval by the desk head or risk.',
    (asked) => placing(asked) && asked.is.hours === 'closed' && !approvedBy(asked.is, ...deskHeadOrRisk),
  ),
  never(
    'high-risk-needs-compliance',
    'No new business with a firm of high money-laundering risk without approval by compliance.',
    (asked) =>
      (placing(asked) || movesAssets(asked)) &&
      hasPart(asked, (standing) => standing === 'aml-high') &&
      !approvedBy(asked.is, 'compliance'),
  ),
  never(
    'high-risk-withdrawal-needs-compliance',
    'No token to move assets to or from a firm of high money-laundering risk without approval by compliance.',
    (asked) =>
      isToken(asked) &&
      leaving.includes(intentOf(asked) ?? 'rfq') &&
      hasPart(asked, (standing) => standing === 'aml-high') &&
      !approvedBy(asked.is, 'compliance'),
  ),
  never(
    'high-risk-country-needs-compliance',
    'No dealing and no moving of assets with a firm in a high-risk country without approval by compliance.',
    (asked) =>
      (placing(asked) || movesAssets(asked)) &&
      (asked.is.entity === 'high-risk-country' ||
        (placing(asked) && asked.is.client === 'high-risk-country') ||
        asked.is.party === 'high-risk-country') &&
      !approvedBy(asked.is, 'compliance'),
  ),
  never(
    'new-destination-needs-operations',
    'No withdrawal to a new destination without two approvals by operations or risk.',
    (asked) =>
      (isToken(asked) || movesAssets(asked)) &&
      intentOf(asked) === 'withdrawal' &&
      asked.is.destination === 'new' &&
      !approvedBy(asked.is, 'two-of-operations', 'two-of-risk', 'three-of-risk'),
  ),
  never(
    'new-destination-needs-hardware-key',
    'No withdrawal by a person to a new destination without a hardware key used within five minutes.',
    (asked) =>
      asked.is.kind === 'person' &&
      intentOf(asked) === 'withdrawal' &&
      (isToken(asked) || isStep(asked, 'withdrawal:request')) &&
      asked.is.destination === 'new' &&
      !hardwareNow(asked.is) &&
      !(forDevelopment(asked.is) && asked.is.signInAge === 'one-minute'),
  ),
  never(
    'out-of-hours-assets-need-hardware-key',
    'No moving of assets by a person out of hours without a hardware key used within five minutes.',
    (asked) =>
      asked.is.kind === 'person' &&
      leaving.includes(intentOf(asked) ?? 'rfq') &&
      (isToken(asked) || isStep(asked, 'withdrawal:request', 'withdrawal-address:propose')) &&
      asked.is.hours === 'closed' &&
      !hardwareNow(asked.is) &&
      !(forDevelopment(asked.is) && asked.is.signInAge === 'one-minute'),
  ),
  never(
    'settlement-by-address-book',
    'No settlement to a receiver that is not in the address book.',
    (asked) =>
      intentOf(asked) === 'settlement_instruction' &&
      asked.is.destination === 'new' &&
      (isToken(asked) || isStep(asked, 'settlement:instruct', 'settlement:release')),
  ),
  never(
    'collateral-by-agreement',
    'No transfer of collateral without an agreement in force.',
    (asked) =>
      intentOf(asked) === 'collateral_transfer' &&
      asked.is.agreement === 'not-in-force' &&
      (isToken(asked) || isStep(asked, 'collateral:transfer')),
  ),

  // ---- Risk signals and devices
  never(
    'not-while-taken-over',
    'No action while the account may have been taken over, whoever reports the signs.',
    (asked) => !isCancel(asked) && (isTakeover(asked.is.signals) || isTakeover(asked.is.claimedSignals)),
  ),
  never(
    'not-after-a-recovery',
    'No dealing, settling or moving of assets during the waiting time after an account recovery.',
    (asked) =>
      (isToken(asked) || isStep(asked, ...dealingSteps, ...movingSteps, ...postTradeSteps)) &&
      (asked.is.signals === 'recovered-lately' || asked.is.claimedSignals === 'recovered-lately'),
  ),
  never(
    'software-stops-at-a-signal',
    'No new transaction by software while a risk signal is active.',
    (asked) => asked.is.kind !== 'person' && atDevice(asked) && signalled(asked.is),
  ),
  never(
    'person-steps-up-at-a-signal',
    'No action by a person under a risk signal without a hardware key used within five minutes.',
    (asked) =>
      asked.is.kind === 'person' &&
      atDevice(asked) &&
      signalled(asked.is) &&
      !hardwareNow(asked.is) &&
      !(forDevelopment(asked.is) && asked.is.signInAge === 'one-minute'),
  ),
  never(
    'device-in-order',
    'No action from a device that fails the rules or was not checked within a week.',
    (asked) => atDevice(asked) && (isFaulty(asked.is.device) || isFaulty(asked.is.claimedDevice)),
  ),

  // ---- What must stay possible
  always(
    'desk-works',
    'A trader with everything in order gets a token for an order and places it.',
    (asked) =>
      asked.is.kind === 'person' &&
      stateOf(asked) === 'intended' &&
      isDealt(asked) &&
      ownScope(asked) &&
      inAllOrder(asked),
  ),
  always(
    'algorithms-work',
    'A certified algorithm with everything in order gets a token for an order and places it.',
    (asked) =>
      asked.is.kind === 'agent' &&
      stateOf(asked) === 'intended' &&
      isDealt(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'certificate', 'certificateNamed') &&
      ['Approved', 'Registered'].includes(asked.is.certificate) &&
      asked.is.certificateNamed !== 'other',
  ),
  always(
    'cancelling-stays',
    'Every principal of the initiating firm can always cancel.',
    (asked) =>
      asked.is.inDirectory === 'yes' &&
      isStep(asked, 'order:cancel') &&
      isDealt(asked) &&
      asked.is.begunBy === 'own-firm' &&
      asked.is.acr !== 'development',
  ),
  always(
    'executed-is-cleared',
    'An executed order is cleared and settled even if the algorithm was decertified.',
    (asked) =>
      isCarriedOrder(asked) && onlyOtherwise(asked, 'certificate', 'artefact', 'certificateNamed', 'algorithm'),
  ),
  always(
    'executed-is-cleared-after-a-lapse',
    'An executed order is cleared and settled even if a registration or a customer review has lapsed.',
    (asked) =>
      isCarriedOrder(asked) &&
      onlyOtherwise(asked, 'firm', 'party', 'entity', 'client') &&
      [asked.is.firm, asked.is.party].every((each) =>
        ['in-order', 'lapsed', 'kyc-pending', 'kyc-over'].includes(each),
      ) &&
      asked.is.entity === 'own-firm' &&
      ['own-firm', 'lapsed'].includes(asked.is.client),
  ),
  always(
    'post-trade-works',
    'People and services with everything in order allocate, clear, settle and report.',
    (asked) =>
      asked.is.kind !== 'agent' &&
      stateOf(asked) === 'intended' &&
      [...followingTrade, 'regulatory_report'].includes(intentOf(asked) ?? 'rfq') &&
      ownScope(asked) &&
      inAllOrder(asked) &&
      asked.ask.scope !== 'settlement:release' &&
      asked.ask.scope !== 'settlement:cancel',
  ),
  always(
    'affirmed-is-released',
    'A settlement that the counterparty has affirmed is released.',
    (asked) =>
      asked.is.kind !== 'agent' &&
      intentOf(asked) === 'settlement_instruction' &&
      stateOf(asked) === 'affirmed' &&
      isStep(asked, 'settlement:release') &&
      inAllOrder(asked),
  ),
  always(
    'assets-move',
    'People and services with everything in order move assets of their own firm.',
    (asked) =>
      asked.is.kind !== 'agent' &&
      [...leaving, 'collateral_transfer'].includes(intentOf(asked) ?? 'rfq') &&
      ((stateOf(asked) === 'intended' && isToken(asked)) || isOwnMove(asked)) &&
      ownScope(asked) &&
      inAllOrder(asked),
  ),
  always(
    'reports-go-on',
    'A compliance finding never stops a report to an authority.',
    (asked) =>
      asked.is.kind !== 'agent' &&
      intentOf(asked) === 'regulatory_report' &&
      isInTurn(asked) &&
      onlyOtherwise(asked, 'firm', 'party') &&
      asked.is.firm !== 'data-elsewhere',
  ),
  always(
    'reports-are-corrected',
    'A report that was accepted or rejected can be corrected.',
    (asked) =>
      isToken(asked) &&
      asked.is.kind !== 'agent' &&
      intentOf(asked) === 'regulatory_report' &&
      ['accepted', 'rejected'].includes(stateOf(asked) ?? '') &&
      asked.ask.scope === 'report:correct' &&
      inAllOrder(asked),
  ),
  always(
    'reading-goes-on',
    'Every principal in the directory may read, whatever compliance has found about their firm.',
    (asked) =>
      asked.ask.door === 'interface' &&
      kindOf(asked.ask.scope) === 'reading' &&
      onlyOtherwise(asked, 'firm', 'role', 'acr', 'signInAge', 'mandate', 'desk', 'hours', 'certificate') &&
      asked.is.firm !== 'data-elsewhere' &&
      asked.is.acr !== 'development',
  ),
  always(
    'taking-back-goes-on',
    'A firm whose LEI has lapsed still revokes, locks, ends sessions and cancels.',
    (asked) =>
      asked.ask.door === 'interface' &&
      ['token:revoke', 'account:lock', 'session:end', 'order:cancel', 'settlement:cancel'].includes(asked.ask.scope) &&
      (asked.is.kind !== 'agent' || kindOf(asked.ask.scope) === 'cancelling') &&
      onlyOtherwise(asked, 'firm') &&
      asked.is.firm !== 'data-elsewhere',
  ),
  always(
    'people-govern',
    'A person with the role and a hardware key gets the administrative scopes.',
    (asked) =>
      asked.is.kind === 'person' &&
      asked.ask.door === 'interface' &&
      governingActs.includes(asked.ask.scope) &&
      onlyOtherwise(asked, 'signInAge') &&
      ['one-minute', 'twenty-minutes'].includes(asked.is.signInAge),
  ),
  always(
    'control-functions-may-disclose',
    'A person with a control function and a hardware key gets the scopes to disclose evidence.',
    ({ ask, is, otherwise }) =>
      is.kind === 'person' &&
      ask.door === 'interface' &&
      disclosures.includes(ask.scope) &&
      otherwise.every((name) => name === 'role') &&
      !['trader', 'none'].includes(is.role),
  ),
  always(
    'approved-large-orders',
    'A large order is permitted once every role has approved it and a hardware key was used.',
    (asked) =>
      asked.is.kind === 'person' &&
      placing(asked) &&
      isOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'amount', 'approvals') &&
      asked.is.approvals === 'everybody',
  ),
  always(
    'supervised-orders',
    'An order up to 3,000,000 is permitted with approval by a supervisor, the desk head or risk.',
    (asked) =>
      placing(asked) &&
      asked.is.kind !== 'service' &&
      isOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'amount', 'approvals') &&
      worth(asked.is) <= 3_000_000 &&
      approvedBy(asked.is, ...bySomeoneAbove),
  ),
  always(
    'small-orders',
    'A person places an order up to 1,000,000 without an approval.',
    (asked) =>
      asked.is.kind === 'person' &&
      placing(asked) &&
      isOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'amount') &&
      worth(asked.is) <= 1_000_000,
  ),
  always(
    'products-of-the-desk',
    'A person at an entitled desk deals in plain shares, bonds and swaps.',
    (asked) =>
      asked.is.kind === 'person' &&
      dealsOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'instrument') &&
      ['share', 'bond', 'swap'].includes(asked.is.instrument),
  ),
  always(
    'suited-clients',
    'A person deals for a client that is categorised and suited.',
    (asked) =>
      asked.is.kind === 'person' &&
      dealsOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'client') &&
      ['retail-suited', 'professional-assessed', 'professional-not-assessed'].includes(asked.is.client),
  ),
  always(
    'phishing-resistant-is-enough',
    'A phishing-resistant sign-in of the last two hours is enough for an ordinary order.',
    (asked) =>
      asked.is.kind === 'person' &&
      isToken(asked) &&
      isDealt(asked) &&
      stateOf(asked) === 'intended' &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'acr', 'signInAge', 'bound', 'permitted') &&
      ['phr', 'phrh'].includes(asked.is.acr) &&
      ['one-minute', 'twenty-minutes', 'one-hour'].includes(asked.is.signInAge),
  ),
  always(
    'stepped-up-past-a-signal',
    'A person who used a hardware key for this intent can continue under a signal of unusual activity.',
    (asked) =>
      asked.is.kind === 'person' &&
      (isToken(asked) || isStep(asked, ...dealingSteps)) &&
      isDealt(asked) &&
      stateOf(asked) === 'intended' &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'signals', 'claimedSignals') &&
      [asked.is.signals, asked.is.claimedSignals].every((each) => ['none', 'unusual'].includes(each)),
  ),
  always(
    'checked-devices',
    'A device that was checked within a week never stops an action.',
    (asked) =>
      asked.is.kind === 'person' &&
      dealsOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'device', 'claimedDevice') &&
      [asked.is.device, asked.is.claimedDevice].every((each) => ['none', 'compliant'].includes(each)),
  ),
  always(
    'two-of-operations-open-a-destination',
    'A withdrawal to a new destination is permitted after two approvals by operations and with a hardware key.',
    (asked) =>
      asked.is.kind === 'person' &&
      intentOf(asked) === 'withdrawal' &&
      stateOf(asked) === 'intended' &&
      (isToken(asked) || isStep(asked, 'withdrawal:request')) &&
      asked.ask.scope === 'withdrawal:request' &&
      onlyOtherwise(asked, 'destination', 'approvals') &&
      approvedBy(asked.is, 'two-of-operations'),
  ),
  always(
    'compliance-lets-high-risk-through',
    'Business that compliance has approved is permitted despite a high risk.',
    (asked) =>
      asked.is.kind === 'person' &&
      placing(asked) &&
      isOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'party', 'approvals') &&
      ['in-order', 'aml-high', 'high-risk-country'].includes(asked.is.party) &&
      approvedBy(asked.is, 'compliance'),
  ),
  always(
    'partners-sign-people-in',
    'A person deals with a complete assertion from their own firm.',
    (asked) =>
      asked.is.kind === 'person' &&
      dealsOpen(asked) &&
      ownScope(asked) &&
      onlyOtherwise(asked, 'partner', 'bound') &&
      ['none', 'own-firm'].includes(asked.is.partner),
  ),
  always(
    'looking-at-what-is-over',
    'A finished transaction can still be read.',
    (asked) =>
      isToken(asked) &&
      asked.ask.scope === 'order:read' &&
      intentOf(asked) === 'trade_order' &&
      asked.is.kind === 'person' &&
      overStates.includes(stateOf(asked) ?? '') &&
      inAllOrder(asked),
  ),
];

const deskHeadOrRisk: readonly Conditions['approvals'][] = [
  ...(['desk-head', 'risk', 'two-of-risk', 'three-of-risk', 'desk-head-and-risk'] as const),
];
const inAllOrder = (asked: Asked) => asked.otherwise.length === 0;
const placing = (asked: Asked) => isDealt(asked) && isStep(asked, ...dealingSteps);
const isKycOpen = (standing: string) => standing === 'kyc-pending' || standing === 'kyc-over';
const isTakeover = (signal: string) =>
  ['impossible-travel', 'credential-compromised', 'account-disabled'].includes(signal);
const isFaulty = (device: string) => ['failing', 'not-checked-lately', 'checked-in-the-future'].includes(device);
const signalled = (is: Conditions) =>
  is.signals !== 'none' ||
  is.claimedSignals !== 'none' ||
  is.device === 'not-theirs' ||
  is.claimedDevice === 'not-theirs';
/** Where policies check signals and devices. */
const atDevice = (asked: Asked) => asked.ask.door !== 'step' || isStep(asked, ...dealingSteps, ...movingSteps);
const isCarriedOrder = (asked: Asked) =>
  intentOf(asked) === 'trade_order' &&
  ((isStep(asked, 'settlement:instruct') && stateOf(asked) === 'executed') ||
    (isStep(asked, 'settlement:release') && stateOf(asked) === 'cleared'));
const isOwnMove = (asked: Asked) =>
  (isStep(asked, 'withdrawal:request', 'withdrawal-address:propose') && stateOf(asked) === 'intended') ||
  (isStep(asked, 'withdrawal:release') && stateOf(asked) === 'requested') ||
  (isStep(asked, 'collateral:transfer') && stateOf(asked) === 'approved');
const carriesStep = ({ ask }: Asked) =>
  ask.door === 'step' && completingScopesIn(ask.intent, ask.state).includes(ask.scope);

/** Where policies check sanctions and unacceptable risks: at every step except reporting, and at interfaces. */
const gated = (asked: Asked) =>
  (intentBusiness(asked) && intentOf(asked) !== 'regulatory_report') || actsAtInterface(asked);
/** Whether an involved firm has such a standing. */
function hasPart(asked: Asked, is: (standing: string) => boolean): boolean {
  const { firm, party, entity } = asked.is;
  return is(firm) || (partyNamed(asked) && is(party)) || (asked.ask.door !== 'interface' && is(entity));
}

/** Whether the scope belongs to the intent and, for a step, to the current state. */
const ownScope = (asked: Asked) =>
  asked.ask.door !== 'interface' &&
  !(isDealt(asked) && postTradeSteps.includes(asked.ask.scope)) &&
  (isToken(asked) ? asked.ask.scope in stepsInTurn[asked.ask.intent] : isInTurn(asked));
