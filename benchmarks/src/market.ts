import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient, importSigningKey } from '@countersign/sdk';
import { type MachineClient, makeClients, publicJwk } from './machine-clients.ts';

const trader = '5493000ARRANGERDEM94';
const venue = '969500VENUEEXAMPLE02';
const clearing = '213800CLEARINGFIRM02';

/** Interfaces that tokens of the benchmark are for. */
export const venueOrders = 'https://venue.example/orders';
export const clearingTrades = 'https://clearing.example/trades';

/** Scopes of a token for the venue, and the narrower one it is exchanged for. */
export const venueScope = 'settlement:read trade:read';
export const clearingScope = 'trade:read';

/** The firms of the benchmark and their software. */
export interface Market {
  /** Order systems of a trading firm: client credentials, decisions. */
  readonly traders: readonly MachineClient[];
  /** Gateways of a venue: they exchange the tokens that were given to the venue. */
  readonly gateways: readonly MachineClient[];
}

export function makeMarket(): Market {
  return { traders: makeClients('bench-trader'), gateways: makeClients('bench-gateway') };
}

/** A directory file that makes the control plane know the market. */
export function directoryFile({ traders, gateways }: Market, issuer: string): unknown {
  const exchange = 'urn:ietf:params:oauth:grant-type:token-exchange';
  const client =
    (grant: string, institution: string, audiences: readonly string[], scopes: readonly string[]) =>
    (of: MachineClient) => ({
      id: of.id,
      institution,
      principal: `service:${of.id}`,
      grant_types: [grant],
      scopes,
      audiences,
      jwks: { keys: [publicJwk(of)] },
    });
  const service = (institution: string) => (of: MachineClient) => ({ id: `service:${of.id}`, institution, roles: [] });
  const scopes = venueScope.split(' ');
  return {
    institutions: [
      { lei: trader, name: 'Benchmark Trading (example)', country: 'DE' },
      { lei: venue, name: 'Benchmark Venue (example)', country: 'DE' },
      { lei: clearing, name: 'Benchmark Clearing (example)', country: 'DE' },
    ],
    people: [
      {
        id: 'person:bench-trader',
        institution: trader,
        desk: 'rates',
        roles: ['trader'],
        federated: [],
        credentials: [],
      },
    ],
    services: [...traders.map(service(trader)), ...gateways.map(service(venue))],
    agents: [],
    clients: [
      ...traders.map(
        client('client_credentials', trader, [venueOrders, `${issuer}/decisions`], [...scopes, 'decision:evaluate']),
      ),
      ...gateways.map(client(exchange, venue, [clearingTrades], scopes)),
    ],
    accounts: [{ id: 'BENCH-1', institution: trader, type: 'House' }],
    venues: [{ mic: 'XEUR', operator: venue, country: 'DE' }],
    resources: [
      { uri: venueOrders, institution: venue, scopes },
      { uri: clearingTrades, institution: clearing, scopes },
    ],
  };
}

/** Makes a control plane know the market, as its operator does it. */
export async function introduce(
  market: Market,
  { issuer, dataFolder }: { readonly issuer: string; readonly dataFolder: string },
): Promise<void> {
  const key = importSigningKey(JSON.parse(readFileSync(join(dataFolder, 'operator.jwk'), 'utf8')) as unknown);
  const operator = createClient({ issuer, clientId: 'countersign-cli', key });
  const token = await operator.clientCredentials({ resource: `${issuer}/directory`, scope: 'directory:apply' });
  await operator.callOrThrow(token, {
    method: 'POST',
    url: `${issuer}/directory/apply`,
    body: directoryFile(market, issuer),
  });
}
