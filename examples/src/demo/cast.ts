import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient, createTransport, generateSigningKey, type SigningKey } from '@countersign/sdk';

const dataFile = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8')) as unknown;

interface FirmsFile {
  readonly institutions: readonly {
    readonly id: string;
    readonly lei: string;
    readonly name: string;
    readonly country: string;
    /** Compliance findings, except for the daily sanctions screening. */
    readonly compliance: Readonly<Record<string, unknown>>;
  }[];
  readonly desks: readonly (Readonly<Record<string, unknown>> & { readonly institution: string })[];
  readonly venues: readonly {
    readonly mic: string;
    readonly operator: string;
    readonly country: string;
    readonly expiry_date?: string;
  }[];
  readonly instruments: readonly unknown[];
  readonly accounts: readonly unknown[];
  readonly model: Readonly<Record<string, string>>;
}

export type Key = ReturnType<typeof generateSigningKey>;

export interface Addresses {
  readonly issuer: string;
  readonly 'identity-provider': string;
  readonly broker: string;
  readonly venue: string;
  readonly 'clearing-firm': string;
  readonly custodian: string;
}

export interface Cast {
  readonly lei: Readonly<Record<'assetManager' | 'arranger' | 'broker' | 'venue' | 'clearing' | 'custodian', string>>;
  /** Directory file in the format of `countersign directory apply`. */
  readonly directoryFile: string;
  /** Trust profile of the arranger's identity provider, for `countersign partner apply`. */
  readonly trustProfileFile: string;
  readonly firms: FirmsFile;
  readonly key: (clientId: string) => Key;
  client(clientId: string): Client;
  readonly people: Readonly<
    Record<
      'trader' | 'supervisor' | 'stranger',
      { readonly id: string; readonly signInKey: Key; readonly approvalKey: Key }
    >
  >;
}

const clientIds = [
  ...(['am-mandates', 'ha-mandates', 'ha-oms', 'ha-approvals', 'ha-vwap-1', 'brk-orders'] as const),
  ...(['ven-matching', 'clr-core', 'clr-mandates', 'cus-core'] as const),
];
type ClientName = (typeof clientIds)[number];

export function createCast(folder: string, addresses: Addresses): Cast {
  const firms = dataFile('firms.json') as FirmsFile;
  const leiOf = (id: string): string => firms.institutions.find((institution) => institution.id === id)?.lei ?? '';
  const lei = {
    ...{ assetManager: leiOf('asset-manager'), arranger: leiOf('arranger'), broker: leiOf('broker') },
    ...{ venue: leiOf('venue'), clearing: leiOf('clearing'), custodian: leiOf('custodian') },
  };
  const keys = new Map<string, Key>(clientIds.map((id) => [id, generateSigningKey()]));
  const key = (clientId: string): Key => {
    const found = keys.get(clientId);
    if (found === undefined) throw new Error(`the demo has no client ${clientId}`);
    return found;
  };
  // Fifty concurrent requests are slow on a machine that runs every process.
  const transport = createTransport({ timeoutMs: 60_000 });
  const somebody = (id: string) => ({ id, signInKey: generateSigningKey(), approvalKey: generateSigningKey() });
  const people = {
    trader: somebody('person:anna.keller'),
    supervisor: somebody('person:bernd.vogt'),
    stranger: somebody('person:carla.weiss'),
  };
  const directoryFile = join(folder, 'directory.json');
  const trustProfileFile = join(folder, 'trust-profile.json');
  writeFileSync(
    directoryFile,
    `${JSON.stringify(directoryDocument({ firms, lei, key, people, addresses }), undefined, 2)}\n`,
  );
  writeFileSync(
    trustProfileFile,
    `${JSON.stringify(trustProfile(lei.arranger, addresses['identity-provider']), undefined, 2)}\n`,
  );
  return {
    lei,
    directoryFile,
    trustProfileFile,
    firms,
    key,
    people,
    client: (clientId) => createClient({ issuer: addresses.issuer, clientId, key: key(clientId), transport }),
  };
}

function trustProfile(institution: string, issuer: string): unknown {
  return {
    institution,
    issuer,
    jwks_uri: `${issuer}/jwks`,
    algorithms: ['ES256'],
    max_lifetime_seconds: 180,
    required_claims: ['amr'],
    acr_values: ['phr', 'phrh'],
    max_authentication_age_seconds: 3600,
  };
}

function directoryDocument({
  firms,
  lei,
  key,
  people,
  addresses,
}: Pick<Cast, 'firms' | 'lei' | 'key' | 'people'> & { readonly addresses: Addresses }): unknown {
  const { issuer } = addresses;
  const door = (name: string): string => `${issuer}/${name}`;
  const client = (id: ClientName, institution: string, grants: Grants, scopes: string, ...audiences: string[]) => ({
    id,
    institution,
    principal: `service:${id}`,
    grant_types: grants.split(' ').map((grant) => grantTypes[grant]),
    scopes: scopes.split(' '),
    audiences,
    jwks: { keys: [publicJwk(key(id))] },
  });
  const service = (id: string, institution: string) => ({ id, institution, roles: [] });
  /** The client signs mandates of its firm up to an amount a day. */
  const signatory = (id: string, institution: string) => ({
    ...{ id, institution, roles: ['signatory'] },
    signing_authority: { up_to: { amount: '50000000', ccy: 'EUR' }, alone: true },
  });
  const person = (somebody: Cast['people'][keyof Cast['people']], roles: readonly string[], subject: string) => ({
    id: somebody.id,
    institution: lei.arranger,
    desk: 'rates',
    roles,
    federated: [{ issuer: addresses['identity-provider'], subject }],
    credentials: [{ use: 'approval', jwk: publicJwk(somebody.approvalKey) }],
  });
  return {
    institutions: firms.institutions.map(({ id: _id, compliance, ...institution }) => ({
      ...institution,
      compliance: { ...compliance, sanctions: { result: 'clear', screened_at: new Date().toISOString() } },
    })),
    desks: firms.desks,
    people: [
      person(people.trader, ['trader'], 'anna'),
      person(people.supervisor, ['supervisor'], 'bernd'),
      {
        id: 'person:dana.quant',
        institution: lei.arranger,
        desk: 'rates',
        roles: ['developer'],
        federated: [],
        credentials: [],
      },
      { id: 'person:emil.risk', institution: lei.arranger, roles: ['model-certifier'], federated: [], credentials: [] },
    ],
    services: [
      signatory('service:am-mandates', lei.assetManager),
      signatory('service:ha-mandates', lei.arranger),
      service('service:ha-oms', lei.arranger),
      service('service:ha-approvals', lei.arranger),
      service('service:brk-orders', lei.broker),
      service('service:ven-matching', lei.venue),
      service('service:clr-core', lei.clearing),
      signatory('service:clr-mandates', lei.clearing),
      service('service:cus-core', lei.custodian),
    ],
    agents: [
      {
        id: 'agent:ha-vwap-1',
        institution: lei.arranger,
        desk: 'rates',
        roles: [],
        model: {
          ...firms.model,
          status: 'Approved',
          certified_by: 'person:emil.risk',
          developed_by: 'person:dana.quant',
        },
      },
    ],
    clients: [
      client('am-mandates', lei.assetManager, 'client', 'mandate:grant mandate:revoke mandate:read', door('mandates')),
      client('ha-mandates', lei.arranger, 'client', 'mandate:grant mandate:revoke mandate:read', door('mandates')),
      client('clr-mandates', lei.clearing, 'client', 'mandate:grant mandate:read', door('mandates')),
      client('ha-oms', lei.arranger, 'federated', 'order:create settlement:instruct', addresses.broker),
      client('ha-approvals', lei.arranger, 'client', 'order:approve', door('transactions')),
      {
        ...client('ha-vwap-1', lei.arranger, 'client', 'order:create settlement:instruct', addresses.broker),
        principal: 'agent:ha-vwap-1',
      },
      client(
        ...([
          'brk-orders',
          lei.broker,
          'client exchange',
          'order:create decision:evaluate settlement:instruct',
        ] as const),
        ...[door('decisions'), door('transactions'), addresses.venue, addresses['clearing-firm']],
      ),
      client('ven-matching', lei.venue, 'client', 'trade:affirm', door('transactions')),
      client(
        ...(['clr-core', lei.clearing, 'client exchange', 'settlement:instruct settlement:read mandate:read'] as const),
        ...[door('transactions'), door('mandates'), addresses.custodian],
      ),
      client(
        ...(['cus-core', lei.custodian, 'client', 'settlement:release settlement:read mandate:read'] as const),
        ...[door('transactions'), door('mandates')],
      ),
    ],
    instruments: firms.instruments,
    accounts: firms.accounts,
    venues: firms.venues,
    resources: [
      { uri: addresses.broker, institution: lei.broker, scopes: ['order:create', 'settlement:instruct'] },
      { uri: addresses.venue, institution: lei.venue, scopes: ['order:create'] },
      { uri: addresses['clearing-firm'], institution: lei.clearing, scopes: ['settlement:instruct'] },
      { uri: addresses.custodian, institution: lei.custodian, scopes: ['settlement:instruct'] },
    ],
  };
}

type Grants = 'client' | 'federated' | 'client exchange';
const grantTypes: Readonly<Record<string, string>> = {
  client: 'client_credentials',
  federated: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
};

function publicJwk(key: SigningKey): Readonly<Record<string, string>> {
  return { ...key.publicJwk, kid: key.kid };
}
