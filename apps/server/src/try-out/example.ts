import { randomUUID } from 'node:crypto';
import type { SigningKey } from '@countersign/sdk';

export const clientNames = ['try-out-fund', 'try-out-house', 'try-out-algorithm'] as const;
export type ClientName = (typeof clientNames)[number];

/** The agent whose orders need a supervisor's approval. */
export const algorithm = 'agent:try-out-algorithm';
/** Fictitious LEIs with valid check digits. */
export const house = '5299TRY0UTH0USE00023';
const fund = '5299TRY0UTFUND000071';
const venue = 'XTRY';
const account = 'TRY-0001';
const instrument = { isin: 'DE000TRY0UT6', cfi: 'DBFTFB' };
const model = {
  model_id: 'try-out-vwap',
  version: '1.0.0',
  artifact_sha256: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  certificate_id: 'TRY-OUT-0001',
};
/** Clients sign mandates up to an amount a day. */
const signingAuthority = { up_to: { amount: '1000000000', ccy: 'EUR' }, alone: true };
const always = { days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '24:00' };

/** Supervisor identities for visitors. A person who has lost all keys cannot be invited again, so there are several. */
export const visitors: readonly string[] = Array.from(
  { length: 9 },
  (_, index) => `person:try-out.visitor-${index + 1}`,
);

/** The audience of the algorithm's tokens. The order itself is not sent anywhere. */
export const orderInterface = (issuer: string): string => `${issuer}/try`;

/** A directory file with a house that has supervisors and a certified algorithm, and a fund for which it trades. */
export function exampleDirectory(
  issuer: string,
  keys: Readonly<Record<ClientName, SigningKey>>,
): Readonly<Record<string, unknown>> {
  const person = (id: string, roles: readonly string[]) => ({
    id,
    institution: house,
    desk: 'try-out',
    roles,
    federated: [],
    credentials: [],
  });
  const client = (
    id: ClientName,
    institution: string,
    principal: string,
    scopes: readonly string[],
    audience: string,
  ) => ({
    id,
    institution,
    principal,
    grant_types: ['client_credentials'],
    scopes,
    audiences: [audience],
    jwks: { keys: [{ ...keys[id].publicJwk, kid: keys[id].kid }] },
  });
  const mandates = `${issuer}/mandates`;
  return {
    institutions: [
      { lei: house, name: 'Try-out House (example)', country: 'DE' },
      { lei: fund, name: 'Try-out Fund (example)', country: 'DE' },
    ],
    desks: [
      {
        institution: house,
        name: 'try-out',
        products: ['D'],
        venues: [venue],
        jurisdictions: ['DE'],
        hours: { time_zone: 'UTC', days: always.days, opens: always.from, closes: always.until },
      },
    ],
    people: [
      ...visitors.map((id) => person(id, ['supervisor'])),
      person('person:try-out.developer', ['developer']),
      person('person:try-out.certifier', ['model-certifier']),
    ],
    services: [
      { id: 'service:try-out-fund', institution: fund, roles: ['signatory'], signing_authority: signingAuthority },
      { id: 'service:try-out-house', institution: house, roles: ['signatory'], signing_authority: signingAuthority },
    ],
    agents: [
      {
        id: algorithm,
        institution: house,
        desk: 'try-out',
        roles: [],
        model: {
          ...model,
          status: 'Approved',
          certified_by: 'person:try-out.certifier',
          developed_by: 'person:try-out.developer',
        },
      },
    ],
    clients: [
      client('try-out-fund', fund, 'service:try-out-fund', ['mandate:grant', 'mandate:read'], mandates),
      client('try-out-house', house, 'service:try-out-house', ['mandate:grant', 'mandate:read'], mandates),
      client('try-out-algorithm', house, algorithm, ['order:create'], orderInterface(issuer)),
    ],
    accounts: [{ id: account, institution: fund, type: 'Client' }],
    venues: [{ mic: venue, operator: house, country: 'DE' }],
    instruments: [
      {
        id: instrument.isin,
        cfi: instrument.cfi,
        currency: 'EUR',
        venues: [venue],
        complex: false,
        target_market: ['professional', 'eligible-counterparty'],
        source: 'Try-out (example)',
        as_of: '2020-01-01T00:00:00Z',
      },
    ],
    resources: [{ uri: orderInterface(issuer), institution: house, scopes: ['order:create'] }],
  };
}

/**
 * Compliance findings about both.
 *
 * @param screenedAt RFC 3339; the policies require a recent sanctions screening
 */
export function exampleFindings(screenedAt: string): readonly Readonly<Record<string, unknown>>[] {
  const found = (institution: string, category: string) => ({
    institution,
    compliance: {
      kyc: { status: 'approved', valid_until: '2099-12-31' },
      aml_risk: 'low',
      category,
      suitable_for: ['D'],
      sanctions: { result: 'clear', screened_at: screenedAt },
    },
  });
  return [found(house, 'eligible-counterparty'), found(fund, 'professional')];
}

/** The mandate from the fund to the house. @param from milliseconds since the epoch; the same value gives the same mandate */
export function exampleMandate(from: number): Readonly<Record<string, unknown>> {
  return {
    grantor: { lei: fund, role: 'Client' },
    grantee: { lei: house, role: 'ArrangingBroker' },
    constraints: {
      venues: [venue],
      jurisdictions: ['DE'],
      productClasses: ['DB'],
      hours: { timeZone: 'UTC', ...always },
      actions: ['order:create', 'order:cancel'],
      accounts: [account],
      notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
      notionalPerDay: { amount: '1000000000', ccy: 'EUR' },
      delegationDepth: 0,
    },
    legalBasis: { type: 'contract', reference: 'Example agreement' },
    termsHash: exampleTerms,
    effectiveFrom: new Date(from).toISOString(),
    effectiveUntil: new Date(from + 1_800 * 86_400_000).toISOString(),
  };
}

/** Digest of the fictitious terms document. */
export const exampleTerms = 'rbvSPEDLm1YcR4KpGjGgGxCLwnPeU5Yj2mq3nY3tq9w';

/** An order above the algorithm's own limit, so that a supervisor of the house must sign it. */
export function exampleOrder(issuer: string, mandate: string, now: number): Readonly<Record<string, unknown>> {
  const reference = `TRY-${randomUUID()}`;
  return {
    type: 'urn:countersign:rar:v1:trade_order',
    locations: [orderInterface(issuer)],
    actions: ['create'],
    entity_lei: house,
    mandate_id: mandate,
    idempotency_key: reference,
    not_after: new Date(now + 86_400_000).toISOString().replace(/\.\d+/, ''),
    jurisdiction: 'DE',
    account,
    instrument,
    venue_mic: venue,
    side: 'BUY',
    max_qty: '5000',
    limit_price: { amount: '101.25', ccy: 'EUR' },
    max_notional: { amount: '506250', ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [{ role: 'ExecutingBroker', lei: house }],
    algo: {
      model_id: model.model_id,
      version: model.version,
      artifact_sha256: model.artifact_sha256,
      cert_id: model.certificate_id,
    },
    client_order_id: reference,
  };
}
