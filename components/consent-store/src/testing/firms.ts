import {
  type Actor,
  type Agent,
  type Institution,
  type MandateProposal,
  type Person,
  parsePrincipalId,
} from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { type Lei, parseCountry } from '@countersign/market';
import { leiOf } from '@countersign/testkit';

/** A fund gives its broker a mandate; other firms clear, execute and hold the broker's trades. */
export const fund = leiOf('529900FUND');
export const broker = leiOf('529900BROKER');
export const clearer = leiOf('529900CLEARER');
export const venue = leiOf('529900VENUE');
export const custodian = leiOf('529900CUSTODIAN');
export const stranger = leiOf('529900STRANGER');

export const firms: readonly Institution[] = [fund, broker, clearer, venue, custodian, stranger].map((lei) => {
  const country = parseCountry('DE');
  if (!country.ok) throw new Error(country.detail);
  return { lei, name: lei, country: country.value, leiStatus: 'ISSUED' };
});

export function personOf(institution: Lei, name: string, ...roles: readonly string[]): Person {
  const id = parsePrincipalId(`person:${name}`);
  if (id === undefined) throw new Error(`no principal id: ${name}`);
  return { kind: 'person', id, institution, roles, credentials: [] };
}

export const fundSignatory = personOf(fund, 'fay', 'signatory');
export const brokerSignatory = personOf(broker, 'bob', 'signatory');
export const clearerSignatory = personOf(clearer, 'cleo', 'signatory');
export const custodianSignatory = personOf(custodian, 'cus', 'signatory');
export const brokerClerk = personOf(broker, 'carl', 'operator');

export const people: readonly Person[] = [
  fundSignatory,
  brokerSignatory,
  clearerSignatory,
  custodianSignatory,
  brokerClerk,
];

/** A certified algorithm, with roles that no algorithm should have. */
export function algorithmOf(institution: Lei, id: string, roles: readonly string[]): Agent {
  const known = parsePrincipalId(id);
  if (known === undefined) throw new Error(`no principal id: ${id}`);
  return {
    kind: 'agent',
    id: known,
    institution,
    roles,
    model: {
      modelId: 'vwap',
      version: '3.2.1',
      artifactSha256: 'ab'.repeat(32),
      certificateId: 'CERT-7',
      status: 'Approved',
      certifiedBy: brokerSignatory.id,
      developedBy: brokerClerk.id,
    },
  };
}

export function actor({ id, institution }: Person): Actor {
  return { id, institution };
}

export const termsHash = digestOf('the terms');

export const constraints = {
  actions: ['order:create', 'order:cancel', 'settlement:instruct'],
  productClasses: ['ES', 'DB'],
  venues: ['XETR', 'XPAR'],
  jurisdictions: ['DE', 'FR'],
  notionalPerOrder: { amount: '2000000', ccy: 'EUR' },
  notionalPerDay: { amount: '5000000', ccy: 'EUR' },
  delegationDepth: 2,
};

/** Fund to broker, for the year 2026. */
export function rootProposal(changes: Partial<MandateProposal> = {}): MandateProposal {
  return {
    grantor: { lei: fund, role: 'Client' },
    grantee: { lei: broker, role: 'ExecutingBroker' },
    constraints,
    legalBasis: { type: 'agreement', reference: 'Master agreement 2026-17' },
    termsHash,
    effectiveFrom: '2026-01-01T00:00:00Z',
    effectiveUntil: '2027-01-01T00:00:00Z',
    ...changes,
  };
}

/** Broker to clearing firm, a sub-mandate of `parent`. */
export function childProposal(parent: string, changes: Partial<MandateProposal> = {}): MandateProposal {
  return rootProposal({
    grantor: { lei: broker, role: 'ExecutingBroker' },
    grantee: { lei: clearer, role: 'ClearingFirm' },
    parent,
    constraints: { ...constraints, actions: ['settlement:instruct'], delegationDepth: 1 },
    ...changes,
  });
}
