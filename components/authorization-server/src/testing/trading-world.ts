import {
  type Account,
  type Client,
  type Directory,
  type DirectorySnapshot,
  type GrantType,
  type Institution,
  type PersonalClaims,
  type Principal,
  type PrincipalId,
  parseClientId,
  parsePrincipalId,
  parseResourceUri,
  type Resource,
} from '@countersign/contracts';
import { authorizationDetailTypes, type Lei, parseCountry } from '@countersign/market';
import { leiOf, makeKey, type SigningKey } from '@countersign/testkit';

/** Unwraps the parsed form of a literal in this file. */
export function known<Value>(value: Value | undefined): Value {
  if (value === undefined) throw new Error('a fixture that its own parser refuses');
  return value;
}

function countryOf(text: string) {
  const parsed = parseCountry(text);
  return known(parsed.ok ? parsed.value : undefined);
}

export const fund = leiOf('FUND');
export const broker = leiOf('BROKER');
export const venue = leiOf('VENUE');
export const clearing = leiOf('CLEARING');
const custodian = leiOf('CUSTODIAN');
const retired = leiOf('RETIRED');

export const venueOrders = 'https://venue.example/orders';
export const clearingTrades = 'https://clearing.example/trades';
export const custodianSettlement = 'https://custodian.example/settlement';
export const brokerBook = 'https://broker.example/book';
export const ourDecisions = 'https://as.example/decisions';
export const ourScim = 'https://as.example/scim';
export const ourTransactions = 'https://as.example/transactions';
export const ourUserinfo = 'https://as.example/userinfo';
/** Takes tokens as references. */
export const venueReports = 'https://venue.example/reports';
export const keysRegisteredAt = Date.parse('2026-11-01T00:00:00Z');

export const deskRedirect = 'https://desk.example/callback';
export const dashboardRedirect = 'https://dashboard.example/callback';

const machine: GrantType = 'client_credentials';
const person: GrantType = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const exchange: GrantType = 'urn:ietf:params:oauth:grant-type:token-exchange';

export interface World {
  readonly directory: Directory;
  readonly clientKey: (clientId: string) => SigningKey;
  /** Changes the registration of a client, as the directory would: a new object. */
  changeClient(id: string, change: Partial<Client>): void;
  /** The claims that relying parties may receive with a person's consent. */
  readonly personal: Map<string, PersonalClaims>;
  /** @param mayAct the only client that may exchange its tokens; undefined for any client of its institution */
  nameActor(uri: string, mayAct: string | undefined): void;
  addAccount(id: string, institution: Lei): void;
  /** Removes an entity from the graph, as an offboarding does. */
  remove(kind: 'client' | 'principal', id: string): void;
  /** @param status retired when left out: nobody acts for the institution any more */
  lapse(lei: Lei, status?: 'LAPSED' | 'RETIRED'): void;
}

const notHere = async (): Promise<never> => {
  throw new Error('the world of a test is changed by its own functions');
};

/** A broker with an algorithm and a trader, and the institutions its orders go to. */
export function tradingWorld(): World {
  const institutions = new Map<string, Institution>();
  for (const lei of [fund, broker, venue, clearing, custodian, retired]) {
    institutions.set(lei, {
      lei,
      name: lei,
      country: countryOf('DE'),
      leiStatus: lei === retired ? 'RETIRED' : 'ISSUED',
    });
  }
  const principals = new Map<string, Principal>();
  const service = (id: string, institution: Lei): void => {
    const parsed = known(parsePrincipalId(id));
    principals.set(id, { kind: 'service', id: parsed, institution, roles: [] });
  };
  service('service:order-desk', broker);
  service('service:venue', venue);
  service('service:clearing', clearing);
  service('service:custodian', custodian);
  service('service:trading-desk', broker);
  service('service:dashboard', venue);
  service('service:ghost', retired);
  const anna = known(parsePrincipalId('person:anna.keller'));
  principals.set(anna, { kind: 'person', id: anna, institution: broker, roles: ['trader'], credentials: [] });
  const carl = known(parsePrincipalId('person:carl.otto'));
  principals.set(carl, { kind: 'person', id: carl, institution: clearing, roles: ['trader'], credentials: [] });
  const vwap = known(parsePrincipalId('agent:vwap-1'));
  principals.set(vwap, {
    kind: 'agent',
    id: vwap,
    institution: broker,
    roles: [],
    model: {
      modelId: 'vwap',
      version: '3.1',
      artifactSha256: 'ab'.repeat(32),
      certificateId: 'CERT-1',
      status: 'Approved',
      certifiedBy: anna,
      developedBy: carl,
    },
  });

  const resources = new Map<string, Resource>();
  const resource = (
    uri: string,
    institution: Lei,
    scopes: readonly string[],
    tokenFormat: Resource['tokenFormat'] = 'jwt',
  ): void => {
    resources.set(uri, { uri: known(parseResourceUri(uri)), institution, scopes, tokenFormat });
  };
  const trading = [
    'order:create',
    'order:cancel',
    'order:read',
    'order:approve',
    'trade:read',
    'settlement:instruct',
    'settlement:read',
  ];
  resource(venueOrders, venue, trading);
  resource(clearingTrades, clearing, ['trade:read', 'settlement:instruct', 'settlement:read']);
  resource(custodianSettlement, custodian, ['settlement:instruct', 'settlement:read']);
  resource(brokerBook, broker, ['order:read']);
  resource(ourDecisions, broker, ['decision:evaluate', 'audit:read']);
  resource(ourScim, broker, ['identity:provision', 'identity:read']);
  resource(ourTransactions, broker, ['order:create', 'order:cancel', 'order:read', 'withdrawal:request']);
  resource(ourUserinfo, broker, ['openid']);
  resource(venueReports, venue, ['report:read'], 'opaque');

  const accounts = new Map<string, Account>();
  const clients = new Map<string, Client>();
  const personal = new Map<string, PersonalClaims>();
  const keys = new Map<string, SigningKey>();
  function client(
    id: string,
    principal: PrincipalId | string,
    grantTypes: readonly GrantType[],
    audiences: readonly string[],
    scopes: readonly string[],
    more: Partial<Client> = {},
  ): void {
    const key = makeKey();
    keys.set(id, key);
    const owner = known(principals.get(principal));
    clients.set(id, {
      id: known(parseClientId(id)),
      institution: owner.institution,
      principal: owner.id,
      grantTypes,
      scopes,
      audiences: audiences.map((uri) => known(parseResourceUri(uri))),
      keys: [
        {
          jwk: { ...key.jwk, kid: key.kid, alg: 'ES256', use: 'sig' },
          thumbprint: key.kid,
          registeredAt: keysRegisteredAt,
        },
      ],
      name: id,
      kind: 'machine',
      profile: 'fapi2',
      environment: 'sandbox',
      authentication: { method: 'private_key_jwt' },
      binding: 'dpop',
      detailTypes: authorizationDetailTypes,
      redirectUris: [],
      postLogoutRedirectUris: [],
      requireSignedRequest: false,
      requireSignedResponse: false,
      requirePkce: true,
      idTokenAlgorithm: 'ES256',
      dpopBoundRefreshTokens: false,
      ...more,
    });
  }
  client('vwap-engine', vwap, [machine], [venueOrders, ourDecisions], [...trading, 'decision:evaluate']);
  client(
    'order-desk',
    'service:order-desk',
    [machine, person, exchange],
    [venueOrders, brokerBook, clearingTrades],
    trading,
  );
  client(
    'venue-gateway',
    'service:venue',
    [machine, exchange],
    [venueOrders, clearingTrades, custodianSettlement],
    ['trade:read', 'settlement:instruct', 'settlement:read'],
  );
  client(
    'clearing-core',
    'service:clearing',
    [machine, person, exchange],
    [custodianSettlement, venueOrders],
    ['settlement:instruct', 'settlement:read', 'order:create'],
  );
  client('custodian-core', 'service:custodian', [exchange], [clearingTrades], ['settlement:read']);
  const code: readonly GrantType[] = ['authorization_code', 'refresh_token'];
  client(
    'trading-desk',
    'service:trading-desk',
    [...code, exchange],
    [venueOrders, brokerBook, venueReports],
    ['order:cancel', 'order:create', 'order:read', 'report:read', 'openid', 'offline_access'],
    { kind: 'human', redirectUris: [deskRedirect] },
  );
  client('dashboard', 'service:dashboard', code, [], ['openid', 'offline_access'], {
    kind: 'human',
    profile: 'oidc',
    binding: 'none',
    redirectUris: [dashboardRedirect],
  });
  client('ghost', 'service:ghost', [machine], [venueOrders], ['order:read']);

  function build(): DirectorySnapshot {
    return {
      version: 1,
      institution: (lei) => institutions.get(lei),
      principal: (id) => principals.get(id),
      knownPrincipal: (id) => principals.get(id),
      federatedPerson: () => undefined,
      personalClaims: (person) => personal.get(person),
      credential: () => undefined,
      client: (id) => clients.get(id),
      account: (id) => accounts.get(id),
      venue: () => undefined,
      instrument: () => undefined,
      rate: () => undefined,
      resource: (uri) => resources.get(uri),
      desk: () => undefined,
      device: () => undefined,
      branch: () => undefined,
      contract: () => undefined,
      shortCode: () => undefined,
      recordOf: () => undefined,
      institutions: () => institutions.values(),
      principals: () => principals.values(),
      accounts: () => [],
      venues: () => [],
      resources: () => resources.values(),
      devices: () => [],
      clients: () => clients.values(),
      keyHolder: () => undefined,
    };
  }
  return {
    directory: {
      snapshot: build,
      snapshotAtLeast: async () => build(),
      clientDocument: async () => undefined,
      changesSince: notHere,
      plan: async () => [],
      apply: async () => ({ version: 1, changes: [] }),
      edit: async () => ({ version: 1, changes: [] }),
      propose: notHere,
      recordFindings: notHere,
      recordReferenceData: notHere,
      approve: notHere,
      reject: notHere,
      changeRequests: async () => [],
      leave: notHere,
      move: notHere,
      departures: async () => [],
    },
    clientKey: (id) => known(keys.get(id)),
    personal,
    changeClient(id, change) {
      clients.set(id, { ...known(clients.get(id)), ...change });
    },
    nameActor(uri, mayAct) {
      const { mayAct: _before, ...resource } = known(resources.get(uri));
      resources.set(uri, { ...resource, ...(mayAct === undefined ? {} : { mayAct: known(parsePrincipalId(mayAct)) }) });
    },
    addAccount(id, institution) {
      accounts.set(id, { id: id as Account['id'], institution, type: 'Client' });
    },
    remove(kind, id) {
      (kind === 'client' ? clients : principals).delete(id);
    },
    lapse(lei, leiStatus = 'RETIRED') {
      const institution = known(institutions.get(lei));
      institutions.set(lei, { ...institution, leiStatus });
    },
  };
}
