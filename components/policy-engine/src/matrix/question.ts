import type { DecisionReason, DirectorySnapshot, TransactionFacts } from '@countersign/contracts';
import { type Digest, defined, type Json, type RecordId, type TransactionId } from '@countersign/kernel';
import type { Lei } from '@countersign/market';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Posed } from '../decision/question.ts';
import { notPermittedReason } from '../trading/refused-before.ts';
import type { TradingInput } from '../trading/trading-input.ts';
import { createTradingPose } from '../trading/trading-model.ts';
import { completingScopesIn, type IntentName } from './lives.ts';
import {
  bystander,
  certified,
  closedAt,
  instruments,
  interfaceUri,
  MatrixMarket,
  namedInstrument,
  openAt,
  venues,
} from './market.ts';
import type { Conditions, Situation } from './situation.ts';

export interface Put {
  readonly posed: Posed;
  /** A refusal by the rule of the transaction registry, which precedes the policies. */
  readonly refusal: DecisionReason | undefined;
}

/** Makes questions from situations with the trading model and a directory, as live decisions do. */
export function createQuestions(): (situation: Situation, bundle: LoadedBundle) => Put {
  const market = new MatrixMarket();
  let standing: readonly string[] = [];
  const poseIn = (development: boolean) =>
    createTradingPose({
      directory: { snapshot: (): DirectorySnapshot => market.snapshot },
      installation: { development, region: 'default' },
      standing: { signalsOf: () => standing },
    });
  const poses = { production: poseIn(false), development: poseIn(true) };

  return (situation, bundle) => {
    const { is } = situation;
    standing = signalsOf(is.signals);
    const acting = market.principal(is);
    const input = inputOf(situation, acting, market);
    const posed = poses[is.installation](input, bundle);
    return {
      posed,
      // The policies only compare it.
      refusal: notPermittedReason(input, { id: acting.id as never, institution: acting.institution }, true),
    };
  };
}

function signalsOf(condition: Conditions['signals']): readonly string[] {
  if (condition === 'none') return [];
  if (condition === 'recovered-recently') return ['recovery-cooling-off'];
  return [condition === 'unusual' ? 'device-new' : condition];
}

const agesInSeconds = { 'one-minute': 60, 'twenty-minutes': 1_200, 'one-hour': 3_600, 'three-hours': 10_800 } as const;

const acrs: Readonly<Record<Conditions['acr'], string | undefined>> = {
  phrh: 'phrh',
  phr: 'phr',
  pwd: 'urn:countersign:acr:password',
  development: 'urn:countersign:acr:development',
  none: undefined,
};

function inputOf(
  { ask, is }: Situation,
  acting: { readonly id: string; readonly institution: Lei },
  market: MatrixMarket,
): TradingInput {
  const at = is.hours === 'open' ? openAt : closedAt;
  const acr = acrs[is.acr];
  const device = market.device(acting.institution, is.device);
  const claimedDevice = market.device(acting.institution, is.claimedDevice);
  const claimed = signalsOf(is.claimedSignals);
  return {
    principal: acting.id,
    action: ask.door === 'step' ? ask.scope : 'token:issue',
    resource:
      ask.door === 'interface'
        ? { type: 'resource', uri: interfaceUri }
        : { type: 'transaction', facts: factsOf(ask, is, acting, market, at) },
    context: {
      client: 'trading-desk',
      institution: acting.institution,
      audience: interfaceUri,
      at,
      scopes: is.alongside === 'reading' && ask.door !== 'step' ? [ask.scope, 'trade:read'] : [ask.scope],
      mandateInForce: is.mandate === 'in-force',
      ...(acr === undefined ? {} : { acr }),
      ...(is.signInAge === 'unknown' ? {} : { authTime: Math.floor(at / 1000) - agesInSeconds[is.signInAge] }),
      ...(is.bound === 'not-stated' ? {} : { boundToIntent: is.bound === 'to-this-intent' }),
      ...(is.partner === 'none' ? {} : { partner: vouching(is.partner, acting.institution) }),
      ...defined({ device, claimedDevice }),
      ...(claimed.length === 0 ? {} : { claimedSignals: claimed }),
      ...(is.step === 'none'
        ? {}
        : { step: { transaction: transactionId, events: ['clear'], onlyCompletes: is.step === 'completing' } }),
    },
  };
}

function vouching(partner: Exclude<Conditions['partner'], 'none'>, own: Lei) {
  return {
    institution: partner === 'another-firm' ? bystander : own,
    claims: partner === 'claims-missing' ? ['sub', 'acr'] : ['sub', 'acr', 'amr', 'auth_time'],
  };
}

// The policies only compare it.
const transactionId = 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId;

function factsOf(
  { intent, state }: { readonly intent: IntentName; readonly state: string },
  is: Conditions,
  acting: { readonly id: string; readonly institution: Lei },
  market: MatrixMarket,
  at: number,
): TransactionFacts {
  const own = acting.institution;
  const entity = is.entity === 'own-firm' ? own : market.firm('entity', is.entity);
  const party = market.firm('party', is.party);
  const initiatorInstitution = is.initiatedBy === 'own-firm' ? own : bystander;
  return {
    id: transactionId,
    state,
    version: 1,
    intentType: `urn:countersign:rar:v1:${intent}`,
    intent: {
      entity_lei: entity,
      jurisdiction: lawOf(intent, entity, market),
      ...membersOf(intent, is, { own, party, market }),
    },
    // The policies only compare it.
    intentDigest: 'x'.repeat(43) as Digest,
    initiator: 'person:initiator',
    initiatorInstitution,
    mandate: { id: 'mnd_01k9z3m8q4d6s0v2x5y7a9b1c3', version: 1 },
    approvals: (approvers[is.approvals] ?? [is.approvals]).map((role, index) => ({
      approver: `person:approver-${index}`,
      role,
      institution: initiatorInstitution,
    })),
    destinationKnown: is.destination === 'known',
    tradeKnown: is.trade === 'known',
    ...(intent === 'allocation' && is.trade === 'known' ? { tradedInstrument: instruments.bond.id } : {}),
    receivers: ['collateral_transfer', 'withdrawal'].includes(intent) ? [party] : [],
    ...(intent === 'collateral_transfer' ? { agreementKnown: is.agreement === 'in-force' } : {}),
    ...(is.permitted === 'no-token' ? {} : { permitted: permittedBy(is.permitted, at) }),
    completingScopes: completingScopesIn(intent, state),
  };
}

/** Dealing is under the law of the desk, later steps under that of the firm. */
function lawOf(intent: IntentName, entity: Lei, { snapshot }: MatrixMarket): string {
  const dealing = intent === 'trade_order' || intent === 'rfq';
  return dealing ? 'DE' : (snapshot.institution(entity)?.country ?? 'DE');
}

function permittedBy(sign: Exclude<Conditions['permitted'], 'no-token'>, at: number) {
  // The policies only compare it.
  const record = 'rec_01k9z3m8q4d6s0v2x5y7a9b1c2' as RecordId;
  const acr = {
    'hardware-key': 'phrh',
    'hardware-key-an-hour-before': 'phrh',
    phr: 'phr',
    pwd: acrs.pwd,
    software: undefined,
  }[sign];
  const before = sign === 'hardware-key-an-hour-before' ? 3_600 : 60;
  return { record, at, reached: [], ...(acr === undefined ? {} : { acr, authTime: Math.floor(at / 1000) - before }) };
}

const approvers: Readonly<Partial<Record<Conditions['approvals'], readonly string[]>>> = {
  none: [],
  'two-of-risk': ['risk', 'risk'],
  'three-of-risk': ['risk', 'risk', 'risk'],
  'desk-head-and-risk': ['desk-head', 'risk'],
  'one-of-operations': ['operations'],
  'two-of-operations': ['operations', 'operations'],
  everybody: ['supervisor', 'desk-head', 'risk', 'compliance', 'operations', 'operations'],
};

interface Firms {
  readonly own: Lei;
  readonly party: Lei;
  readonly market: MatrixMarket;
}

/** The members of an intent that the policies read. */
function membersOf(intent: IntentName, is: Conditions, firms: Firms): Readonly<Record<string, Json>> {
  const { party, own, market } = firms;
  const asset = { asset: { dti: 'X9J9K872S' } };
  switch (intent) {
    case 'trade_order':
      return { ...dealingMembers(is, firms), parties: [{ role: 'ExecutingBroker', lei: party }] };
    case 'rfq':
      return { ...dealingMembers(is, firms), counterparties_lei: [party] };
    case 'allocation':
      return { lines: [{ account: market.accountOf(own), qty: '600' }], giveup_to_lei: party };
    case 'clearing_submission':
      return { ccp_lei: party, clearing_firm_lei: own };
    case 'settlement_instruction':
      return {
        amount: '190125.5',
        ccy: 'EUR',
        deliverer: { lei: own, account: 'CASH-1' },
        receiver: { lei: party, account: 'CASH-9' },
      };
    case 'collateral_transfer':
      return { asset: { ccy: 'EUR' }, qty: '250000' };
    case 'address_book_change':
      return { ...asset, beneficiary_lei: party };
    case 'withdrawal':
      return { ...asset, amount: '12.5' };
    case 'regulatory_report':
      return { tr_lei: party };
    case 'privileged_admin':
      return { operation: 'policy.publish' };
    default:
      return intent satisfies never;
  }
}

function dealingMembers(is: Conditions, { own, market }: Firms): Readonly<Record<string, Json>> {
  const unknown = is.amount === 'rate-unknown';
  const client = is.client === 'own-firm' ? own : market.firm('client', is.client);
  return {
    account: is.client === 'account-unknown' ? 'nobodys-1' : market.accountOf(client),
    instrument: namedInstrument(is.instrument, unknown ? 'XTS' : 'EUR'),
    venue_mic: venues[is.venue],
    max_qty: '1000',
    max_notional: { amount: unknown ? '100000' : is.amount.replaceAll(',', ''), ccy: unknown ? 'XTS' : 'EUR' },
    ...(is.algorithm === 'named' ? { algo: namedArtefact(is) } : {}),
  };
}

function namedArtefact({ artefact, certificateNamed }: Conditions): Readonly<Record<string, Json>> {
  return {
    model_id: artefact === 'other-model' ? 'twap' : certified.modelId,
    version: artefact === 'other-version' ? '9' : certified.version,
    artifact_sha256: artefact === 'other-hash' ? 'cd'.repeat(32) : certified.artifactSha256,
    ...(certificateNamed === 'none'
      ? {}
      : { cert_id: certificateNamed === 'current' ? certified.certificateId : 'CERT-6' }),
  };
}
