import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient, importSigningKey, tokenInDevelopment } from '@countersign/sdk';
import { type MachineClient, makeClients, publicJwk } from './machine-clients.ts';
import {
  makeOrderingClients,
  type OrderFlow,
  type OrderingClients,
  orderingDirectory,
  startOrderFlow,
} from './order-flow.ts';

const trader = '5493000ARRANGERDEM94';
const venue = '969500VENUEEXAMPLE02';
const clearing = '213800CLEARINGFIRM02';

/** Audiences of the benchmark's tokens. */
export const venueOrders = 'https://venue.example/orders';
export const clearingTrades = 'https://clearing.example/trades';
/** The audience of reference tokens. */
export const venueReports = 'https://venue.example/reports';

/** Scopes of a token for the venue, and the narrower one it is exchanged for. */
export const venueScope = 'settlement:read trade:read';
export const clearingScope = 'trade:read';
/** The parameters of a token for the venue by client credentials. */
export const venueToken = { grant_type: 'client_credentials', resource: venueOrders, scope: venueScope };
/** The scope of a consent: it includes an ID token and a refresh token. */
export const consentedScope = `openid offline_access ${venueScope}`;

/** The redirect URI for codes; no server listens there. */
export const deskRedirect = 'https://desk.example/callback';

/** The institutions of the benchmark with their people and clients. */
export interface Market {
  /** Order systems of a trading firm, for client credentials and decisions. */
  readonly traders: readonly MachineClient[];
  /** The same, with tokens bound to a certificate instead of a key (RFC 8705). */
  readonly certified: readonly MachineClient[];
  /** Gateways of a venue, which exchange and introspect tokens for the venue. */
  readonly gateways: readonly MachineClient[];
  /**
   * Clients of the trading firm's people, for authorization codes and refresh tokens. One per person, because the pending
   * requests of one client are limited.
   */
  readonly desks: readonly MachineClient[];
  readonly people: readonly string[];
  /** The parties to orders that agents place. */
  readonly ordering: OrderingClients;
}

export function makeMarket(): Market {
  const people = Array.from({ length: 64 }, (_, index) => `person:bench-user-${index + 1}`);
  return {
    traders: makeClients('bench-trader'),
    certified: makeClients('bench-certified'),
    gateways: makeClients('bench-gateway'),
    desks: makeClients('bench-desk', people.length),
    people,
    ordering: makeOrderingClients(),
  };
}

export function ordersOf({ ordering }: Market, issuer: string): Promise<OrderFlow> {
  const locations = [venueOrders, clearingTrades];
  return startOrderFlow(ordering, { issuer, venue, clearing, house: trader, locations });
}

export function directoryFile(
  { traders, certified, gateways, desks, people, ordering }: Market,
  issuer: string,
): unknown {
  const orders = orderingDirectory(ordering, { issuer, house: trader });
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const credentials = 'client_credentials';
  const decisions = `${issuer}/decisions`;
  const client =
    (grant: string, institution: string, audiences: readonly string[], scopes: readonly string[]) =>
    (of: MachineClient) => ({
      ...{ id: of.id, institution, principal: `service:${of.id}`, grant_types: [grant], scopes, audiences },
      jwks: { keys: [publicJwk(of)] },
    });
  const person = (id: string) => ({ id, institution: trader, roles: [], federated: [], credentials: [] });
  const service = (institution: string) => (of: MachineClient) => ({ id: `service:${of.id}`, institution, roles: [] });
  const scopes = venueScope.split(' ');
  const institution = (lei: string, name: string) => ({
    lei,
    name,
    country: 'DE',
    compliance: clearedByCompliance(['D', 'S']),
  });
  return {
    institutions: [
      institution(trader, 'Benchmark Trading (example)'),
      institution(venue, 'Benchmark Venue (example)'),
      institution(clearing, 'Benchmark Clearing (example)'),
      institution(orders.institutions.fund, 'Benchmark Fund (example)'),
      institution(orders.institutions.broker, 'Benchmark Broker (example)'),
      institution(orders.institutions.custodian, 'Benchmark Custodian (example)'),
    ],
    desks: [
      {
        institution: trader,
        name: 'rates',
        products: ['D', 'S'],
        venues: ['XEUR'],
        jurisdictions: ['DE'],
        hours: { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
      },
    ],
    people: [
      { ...person('person:bench-trader'), desk: 'rates', roles: ['trader'] },
      ...people.map(person),
      ...orders.people,
    ],
    services: [
      ...[...traders, ...certified, ...desks].map(service(trader)),
      ...gateways.map(service(venue)),
      ...orders.services,
    ],
    agents: orders.agents,
    clients: [
      ...traders.map(
        client(credentials, trader, [venueOrders, venueReports, decisions], [...scopes, 'decision:evaluate']),
      ),
      ...certified
        .map(client(credentials, trader, [decisions], ['decision:evaluate']))
        .map((registered) => ({ ...registered, binding: 'mtls' })),
      ...gateways.map(client(exchange, venue, [clearingTrades], scopes)),
      ...desks
        .map(client('authorization_code', trader, [venueOrders], ['openid', 'offline_access', ...scopes]))
        .map((registered) => ({
          ...registered,
          client_name: `Trading desk ${registered.id}`,
          kind: 'human',
          grant_types: ['authorization_code', 'refresh_token'],
          redirect_uris: [deskRedirect],
        })),
      ...orders.clients,
    ],
    accounts: [{ id: 'BENCH-1', institution: trader, type: 'House' }, ...orders.accounts],
    venues: [{ mic: 'XEUR', operator: venue, country: 'DE' }],
    instruments: [benchmarkBond(['XEUR'])],
    resources: [
      { uri: venueOrders, institution: venue, scopes },
      { uri: venueReports, institution: venue, scopes, token_format: 'opaque' },
      { uri: clearingTrades, institution: clearing, scopes },
      ...orders.resources,
    ],
  };
}

/** The instrument of every order. */
export function benchmarkBond(venues: readonly string[]) {
  return {
    id: 'DE000EXMPL17',
    cfi: 'DBFTFB',
    currency: 'EUR',
    venues: [...venues],
    complex: false,
    target_market: ['eligible-counterparty'],
    source: 'benchmark',
    as_of: '2020-01-01T00:00:00Z',
  };
}

/** The findings of compliance that the policies require of a firm, screened when the benchmark starts. */
export function clearedByCompliance(suitableFor: readonly string[]) {
  return {
    kyc: { status: 'approved', valid_until: '2099-12-31' },
    aml_risk: 'low',
    sanctions: { result: 'clear', screened_at: new Date().toISOString() },
    category: 'eligible-counterparty',
    suitable_for: suitableFor,
  };
}

interface Installation {
  readonly issuer: string;
  readonly dataFolder: string;
}

export function operatorOf(installation: Installation): Client {
  return createClient(commandOf(installation));
}

function commandOf({ issuer, dataFolder }: Installation) {
  const key = importSigningKey(JSON.parse(readFileSync(join(dataFolder, 'operator.jwk'), 'utf8')) as unknown);
  return { issuer, clientId: 'countersign-cli', key };
}

/** Applies the market to the directory of a control plane, as its operator. */
export async function introduce(market: Market, installation: Installation): Promise<void> {
  const { issuer } = installation;
  const operator = operatorOf(installation);
  const asked = { resource: `${issuer}/directory`, scope: 'directory:apply' };
  const token = await tokenInDevelopment(operator, commandOf(installation), asked);
  await operator.callOrThrow(token, {
    method: 'POST',
    url: `${issuer}/directory/apply`,
    body: directoryFile(market, issuer),
  });
}
