import { type Client, type ClientOptions, createClient, generateSigningKey } from '@countersign/sdk';
import type { Key } from './credentials.ts';
import { bond, otherBond } from './instruments.ts';

export const leis = {
  assetManager: '529900ASSETMNGRDEM02',
  arranger: '5493000ARRANGERDEM94',
  broker: '549300BROKEREXAMPL60',
  venue: '969500VENUEEXAMPLE02',
  clearing: '213800CLEARINGFIRM02',
  custodian: '635400CUSTODIANEXA09',
} as const;

/** Protected interfaces of the firms. Nothing listens there: the tests are about who gets a token for them. */
export const doors = {
  broker: 'https://broker.example/orders',
  venue: 'https://venue.example/orders',
  clearing: 'https://clearing.example/trades',
  custodian: 'https://custodian.example/settlements',
} as const;

export const certifiedModel = {
  model_id: 'vwap-bund',
  version: '4.2.0',
  artifact_sha256: '7f1d0c3f5f5f0b7c7f9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5',
} as const;

const grants = {
  client: 'client_credentials',
  federated: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
  exchange: 'urn:ietf:params:oauth:grant-type:token-exchange',
} as const;

interface Registration {
  readonly firm: keyof typeof leis;
  readonly principal: string;
  readonly roles?: readonly string[];
  readonly grants: readonly (keyof typeof grants)[];
  readonly scopes: readonly string[];
  readonly audiences: readonly string[];
}

const ours = (issuer: string, ...names: readonly string[]): readonly string[] =>
  names.map((name) => `${issuer}/${name}`);

/** Software signs mandates up to an amount a day; without an amount it signs nothing. */
export const signingAuthority = { up_to: { amount: '1000000000', ccy: 'EUR' }, alone: true };

/** A client for the events of its firm. */
const listener = (issuer: string, firm: keyof typeof leis, principal: string) =>
  ({
    firm,
    principal,
    grants: ['client'],
    scopes: ['event:read', 'event:subscribe', 'signal:subscribe'],
    audiences: ours(issuer, 'events', 'signals'),
  }) as const;

const registrations = (issuer: string) =>
  ({
    'am-mandates': {
      firm: 'assetManager',
      principal: 'service:am-mandates',
      roles: ['signatory'],
      grants: ['client'],
      scopes: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
      audiences: ours(issuer, 'mandates'),
    },
    'ha-mandates': {
      firm: 'arranger',
      principal: 'service:ha-mandates',
      roles: ['signatory'],
      grants: ['client'],
      scopes: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
      audiences: ours(issuer, 'mandates'),
    },
    'clr-mandates': {
      firm: 'clearing',
      principal: 'service:clr-mandates',
      roles: ['signatory'],
      grants: ['client'],
      scopes: ['mandate:grant', 'mandate:read'],
      audiences: ours(issuer, 'mandates'),
    },
    'ha-oms': {
      firm: 'arranger',
      principal: 'service:ha-oms',
      grants: ['federated'],
      scopes: ['order:create', 'settlement:instruct'],
      audiences: [doors.broker],
    },
    'ha-approvals': {
      firm: 'arranger',
      principal: 'service:ha-approvals',
      grants: ['client'],
      scopes: ['order:approve'],
      audiences: ours(issuer, 'transactions'),
    },
    'ha-control': {
      firm: 'arranger',
      principal: 'service:ha-control',
      grants: ['federated'],
      scopes: ['order:approve', 'order:read', 'exception:resolve'],
      audiences: ours(issuer, 'transactions'),
    },
    'ha-vwap-1': {
      firm: 'arranger',
      principal: 'agent:ha-vwap-1',
      grants: ['client'],
      scopes: ['order:create', 'order:cancel', 'settlement:instruct'],
      audiences: [doors.broker],
    },
    'brk-orders': {
      firm: 'broker',
      principal: 'service:brk-orders',
      grants: ['client', 'federated', 'exchange'],
      scopes: ['order:create', 'order:read', 'decision:evaluate', 'application:write', 'settlement:instruct'],
      audiences: [...ours(issuer, 'decisions', 'transactions', 'venues'), doors.broker, doors.venue, doors.clearing],
    },
    'ven-matching': {
      firm: 'venue',
      principal: 'service:ven-matching',
      grants: ['client'],
      scopes: ['trade:affirm'],
      audiences: ours(issuer, 'transactions'),
    },
    'clr-core': {
      firm: 'clearing',
      principal: 'service:clr-core',
      grants: ['client', 'exchange'],
      scopes: ['settlement:instruct', 'settlement:read', 'mandate:read'],
      audiences: [...ours(issuer, 'transactions', 'mandates'), doors.custodian],
    },
    'cus-core': {
      firm: 'custodian',
      principal: 'service:cus-core',
      grants: ['client'],
      scopes: ['settlement:release', 'settlement:read'],
      audiences: ours(issuer, 'transactions'),
    },
    'am-events': listener(issuer, 'assetManager', 'service:am-events'),
    'ha-events': listener(issuer, 'arranger', 'service:ha-events'),
    'ven-events': listener(issuer, 'venue', 'service:ven-events'),
  }) as const satisfies Readonly<Record<string, Registration>>;

export type ClientName = keyof ReturnType<typeof registrations>;
export type PersonName = 'trader' | 'colleague' | 'supervisor' | 'stranger';

/** The compliance findings that the policies require: all in order, screened now. */
export const clearedByCompliance = () => ({
  kyc: { status: 'approved', valid_until: '2099-12-31' },
  aml_risk: 'low',
  sanctions: { result: 'clear', screened_at: new Date().toISOString() },
  category: 'eligible-counterparty',
  suitable_for: ['D', 'E', 'F', 'S'],
});

/** A desk of the arranger that is staffed around the clock, so that no test depends on the hour. */
const ratesDesk = {
  institution: leis.arranger,
  name: 'rates',
  products: ['D', 'E', 'F', 'S'],
  venues: ['XEEE', 'XEUR'],
  jurisdictions: ['DE'],
  hours: { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
};

/** Six firms with fresh keys, as registered in the directory. */
export interface Firms {
  key(client: ClientName): Key;
  /** A client with its own proof key, the same for each call. */
  client(name: ClientName, options?: Partial<ClientOptions>): Client;
  readonly people: Readonly<
    Record<PersonName, { readonly id: string; readonly subject: string; readonly approvalKey: Key }>
  >;
  /** The input of `directory apply`. A fresh copy for each call. */
  directoryDocument(): { readonly [list: string]: Record<string, unknown>[] };
  /** The input of `partner apply`. */
  readonly trustProfile: Readonly<Record<string, unknown>>;
}

export function createFirms(options: { readonly issuer: string; readonly identityProvider: string }): Firms {
  const { issuer, identityProvider } = options;
  const registered = Object.entries(registrations(issuer)) as [ClientName, Registration][];
  const keys = new Map(registered.map(([name]) => [name, generateSigningKey()] as const));
  const clients = new Map<ClientName, Client>();
  const keyOf = (name: ClientName): Key => {
    const key = keys.get(name);
    if (key === undefined) throw new Error(`there is no client ${name}`);
    return key;
  };
  const person = (id: string, subject: string) => ({ id: `person:${id}`, subject, approvalKey: generateSigningKey() });
  const people = {
    trader: person('anna.keller', 'anna'),
    colleague: person('carl.roth', 'carl'),
    supervisor: person('bernd.vogt', 'bernd'),
    stranger: person('carla.weiss', 'carla'),
  };
  const personDocument = (name: PersonName, roles: readonly string[]) => ({
    id: people[name].id,
    institution: leis.arranger,
    desk: 'rates',
    roles,
    federated: [{ issuer: identityProvider, subject: people[name].subject }],
    credentials: [{ use: 'approval', jwk: publicJwk(people[name].approvalKey) }],
  });
  // The same for each call: files do not change compliance findings.
  const compliance = clearedByCompliance();
  const staff = (id: string, role: string) => ({
    id,
    institution: leis.arranger,
    roles: [role],
    federated: [],
    credentials: [],
  });

  return {
    key: keyOf,
    client(name, clientOptions = {}) {
      const known = clients.get(name);
      if (known !== undefined && Object.keys(clientOptions).length === 0) return known;
      const client = createClient({ issuer, clientId: name, key: keyOf(name), ...clientOptions });
      if (Object.keys(clientOptions).length === 0) clients.set(name, client);
      return client;
    },
    people,
    directoryDocument: () => ({
      institutions: Object.values(leis).map((lei) => ({
        lei,
        name: `Firm ${lei.slice(0, 10)}`,
        country: 'DE',
        compliance,
      })),
      desks: [{ ...ratesDesk, hours: { ...ratesDesk.hours } }],
      people: [
        personDocument('trader', ['trader']),
        personDocument('colleague', ['trader']),
        personDocument('supervisor', ['supervisor']),
        staff('person:dana.quant', 'developer'),
        staff('person:emil.risk', 'model-certifier'),
      ],
      services: registered
        .filter(([, { principal }]) => principal.startsWith('service:'))
        .map(([, { principal, firm, roles }]) => ({
          id: principal,
          institution: leis[firm],
          roles: [...(roles ?? [])],
          ...(roles?.includes('signatory') === true ? { signing_authority: signingAuthority } : {}),
        })),
      agents: [
        {
          id: 'agent:ha-vwap-1',
          institution: leis.arranger,
          desk: 'rates',
          roles: [],
          model: {
            ...certifiedModel,
            certificate_id: 'ALGO-2026-0117',
            status: 'Approved',
            certified_by: 'person:emil.risk',
            developed_by: 'person:dana.quant',
          },
        },
      ],
      clients: registered.map(([id, { firm, principal, grants: names, scopes, audiences }]) => ({
        id,
        institution: leis[firm],
        principal,
        grant_types: names.map((name) => grants[name]),
        scopes,
        audiences,
        jwks: { keys: [publicJwk(keyOf(id))] },
      })),
      accounts: ['NLAM-0042', 'NLAM-0043'].map((id) => ({
        id,
        institution: leis.assetManager,
        type: 'Client',
        custodian: leis.custodian,
      })),
      venues: ['XEUR', 'XEEE'].map((mic) => ({ mic, operator: leis.venue, country: 'DE' })),
      instruments: [bond, otherBond].map((each) => ({
        ...each,
        venues: [...each.venues],
        target_market: [...each.target_market],
      })),
      resources: [
        {
          uri: doors.broker,
          institution: leis.broker,
          scopes: ['order:create', 'order:cancel', 'settlement:instruct'],
        },
        { uri: doors.venue, institution: leis.venue, scopes: ['order:create'] },
        { uri: doors.clearing, institution: leis.clearing, scopes: ['settlement:instruct'] },
        { uri: doors.custodian, institution: leis.custodian, scopes: ['settlement:instruct'] },
      ],
    }),
    trustProfile: {
      institution: leis.arranger,
      issuer: identityProvider,
      jwks_uri: `${identityProvider}/jwks`,
      algorithms: ['ES256'],
      max_lifetime_seconds: 180,
      required_claims: ['amr'],
      acr_values: ['phr', 'phrh'],
      max_authentication_age_seconds: 3600,
    },
  };
}

const publicJwk = (key: Key): Readonly<Record<string, string>> => ({ ...key.publicJwk, kid: key.kid });
