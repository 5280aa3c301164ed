import type {
  Agent,
  DecisionInput,
  DirectorySnapshot,
  Person,
  Principal,
  PrincipalId,
  Service,
  TransactionFacts,
} from '@countersign/contracts';
import type { Digest, TransactionId } from '@countersign/kernel';
import type { Country, Lei } from '@countersign/market';
import { broker, examples, firm } from '../../../../protocols/market/src/testing/example-details.ts';

/** Whose people ask, the firm that is a stranger to them, and one that may do nothing any more. */
export const own = broker as Lei;
export const stranger = firm as Lei;
export const lapsed = '529900ASSETMNGRDEM02' as Lei;

const institution = (lei: Lei, leiStatus: 'ISSUED' | 'LAPSED') => ({
  lei,
  name: lei,
  country: 'DE' as Country,
  leiStatus,
});
const institutions = [institution(own, 'ISSUED'), institution(stranger, 'ISSUED'), institution(lapsed, 'LAPSED')];

const person = (name: string, of: Lei, roles: readonly string[] = ['trader']): Person => ({
  kind: 'person',
  id: `person:${name}` as PrincipalId,
  institution: of,
  roles,
  credentials: [],
});
const service = (name: string, of: Lei): Service => ({
  kind: 'service',
  id: `service:${name}` as PrincipalId,
  institution: of,
  roles: [],
});
/** Certified for the algorithm that the example orders name. */
const agent: Agent = {
  kind: 'agent',
  id: 'agent:vwap' as PrincipalId,
  institution: own,
  roles: [],
  model: {
    modelId: examples.trade_order.algo.model_id,
    version: examples.trade_order.algo.version,
    artifactSha256: examples.trade_order.algo.artifact_sha256,
    certificateId: 'CERT-7',
    status: 'Approved',
    certifiedBy: 'person:certifier' as PrincipalId,
    developedBy: 'person:developer' as PrincipalId,
  },
};
const principals: readonly Principal[] = [
  person('own', own),
  person('clerk', own, ['clerk']),
  person('stranger', stranger),
  person('lapsed', lapsed),
  service('own', own),
  service('stranger', stranger),
  agent,
];

/** A small market: three firms, and people, services and an agent of theirs. */
export const desk: DirectorySnapshot = {
  version: 1,
  institution: (lei) => institutions.find((each) => each.lei === lei),
  principal: (id) => principals.find((each) => each.id === id),
  federatedPerson: () => undefined,
  credential: () => undefined,
  recordOf: () => undefined,
  client: () => undefined,
  account: () => undefined,
  venue: () => undefined,
  resource: () => undefined,
  institutions: () => institutions,
  principals: () => principals,
  accounts: () => [],
  venues: () => [],
};

export type TypeName = keyof typeof examples;
export const typeNames = Object.keys(examples) as readonly TypeName[];
/** The types that have a worth and an instrument, and may name an algorithm. */
export const dealing: readonly TypeName[] = ['trade_order', 'rfq'];

/** A transaction of a type as the registry tells of it: without `actions` and `locations`. */
export function transactionOf(
  name: TypeName,
  {
    drop = [],
    entity = own,
    approvals = [],
  }: { drop?: string[]; entity?: Lei } & Partial<Pick<TransactionFacts, 'approvals'>> = {},
): TransactionFacts {
  const left = ['actions', 'locations', ...drop];
  const { type } = examples[name];
  const kept = Object.fromEntries(Object.entries(examples[name]).filter(([field]) => !left.includes(field)));
  return {
    id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId,
    state: 'intended',
    version: 0,
    intentType: type,
    intent: { ...kept, ...(drop.includes('entity_lei') ? {} : { entity_lei: entity }) },
    intentDigest: 'x'.repeat(43) as Digest,
    initiator: 'person:own',
    initiatorInstitution: own,
    mandate: { id: examples[name].mandate_id, version: 1 },
    approvals,
  };
}

/** The token endpoint's question about a transaction, or about an interface when `about` is an address. */
export function tokenQuestion(
  principal: string,
  about: TransactionFacts | string,
  context: Partial<DecisionInput['context']> = {},
): DecisionInput {
  const intent = typeof about !== 'string';
  return {
    principal,
    action: 'token:issue',
    resource: intent ? { type: 'transaction', facts: about } : { type: 'resource', uri: about },
    context: {
      client: 'trading-desk',
      institution: own,
      at: 0,
      scopes: [],
      audience: 'https://venue.example/orders',
      actorDepth: 0,
      mandateStands: intent,
      ...context,
    },
  };
}
