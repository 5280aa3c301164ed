import { generateKeyPairSync } from 'node:crypto';
import { reimported } from '@countersign/kernel/key-pairs';

/** For tests: a small, complete directory file of a broker, a venue and a custodian. */

/** Completes the prefix to a LEI of 18 characters and check digits (ISO 17442). */
export function exampleLei(beginning: string): string {
  const first18 = beginning.padEnd(18, '0');
  const digits = [...`${first18}00`].map((character) => Number.parseInt(character, 36)).join('');
  return first18 + String(98n - (BigInt(digits) % 97n)).padStart(2, '0');
}

export type ExampleJwk = { readonly [member: string]: string };

export function exampleKeyPair(kid?: string): { readonly publicJwk: ExampleJwk; readonly privateJwk: ExampleJwk } {
  const { publicKey, privateKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const named = kid === undefined ? {} : { kid };
  return {
    publicJwk: { ...(publicKey.export({ format: 'jwk' }) as ExampleJwk), ...named },
    privateJwk: { ...(privateKey.export({ format: 'jwk' }) as ExampleJwk), ...named },
  };
}

export const broker = exampleLei('529900BROKER');
export const venue = exampleLei('529900VENUE');
export const custodian = exampleLei('529900CUSTODIAN');
export const operator = exampleLei('529900OPERATOR');

const approvalKey = exampleKeyPair().publicJwk;
const clientKey = exampleKeyPair('oms-1').publicJwk;

/** Returns a fresh copy that the test may change. */
export function exampleFile() {
  return {
    institutions: [
      { lei: broker, name: 'Example Broker AG', country: 'DE' },
      { lei: venue, name: 'Example Venue Ltd', country: 'GB' },
      { lei: custodian, name: 'Example Custody SA', country: 'LU', lei_status: 'ISSUED' },
    ] as Record<string, unknown>[],
    people: [
      {
        id: 'person:anna.keller',
        institution: broker,
        desk: 'rates',
        roles: ['trader'],
        federated: [{ issuer: 'https://idp.broker.example', subject: 'u-1001' }],
        credentials: [],
      },
      {
        id: 'person:ben.ito',
        institution: broker,
        desk: 'rates',
        roles: ['supervisor', 'signatory'],
        federated: [{ issuer: 'https://idp.broker.example', subject: 'u-1002' }],
        credentials: [{ use: 'approval', jwk: { ...approvalKey } }],
      },
    ] as Record<string, unknown>[],
    services: [{ id: 'service:oms', institution: broker, desk: 'rates', roles: ['order-entry'] }] as Record<
      string,
      unknown
    >[],
    agents: [
      {
        id: 'agent:vwap-1',
        institution: broker,
        desk: 'rates',
        roles: ['algorithm'],
        model: {
          model_id: 'vwap',
          version: '3.2.0',
          artifact_sha256: 'ab'.repeat(32),
          certificate_id: 'cert-2026-17',
          status: 'Approved',
          certified_by: 'person:ben.ito',
          developed_by: 'person:anna.keller',
        },
      },
    ] as Record<string, unknown>[],
    clients: [
      {
        id: 'broker-oms',
        institution: broker,
        principal: 'service:oms',
        grant_types: ['client_credentials'],
        scopes: ['order:create', 'order:read'],
        audiences: ['https://venue.example/orders'],
        jwks: { keys: [{ ...clientKey }] },
      },
    ] as Record<string, unknown>[],
    accounts: [{ id: 'BRK/HOUSE-1', institution: broker, type: 'House', custodian }] as Record<string, unknown>[],
    venues: [{ mic: 'XEXA', operator: venue, country: 'GB' }] as Record<string, unknown>[],
    resources: [
      {
        uri: 'https://venue.example/orders',
        institution: venue,
        scopes: ['order:create', 'order:read', 'order:approve'],
      },
    ] as Record<string, unknown>[],
  };
}

export type ExampleFile = ReturnType<typeof exampleFile>;

/** The seed of a typical configuration: the operator and its own interface. */
export function exampleSeed() {
  return {
    institutions: [{ lei: operator, name: 'Example Operator SE', country: 'DE' }],
    services: [{ id: 'service:operator', institution: operator, roles: ['operator'] }],
    resources: [
      {
        uri: 'https://countersign.example/directory',
        institution: operator,
        scopes: ['directory:apply', 'directory:read'],
      },
    ],
  };
}
