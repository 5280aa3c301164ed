import { createHash } from 'node:crypto';
import {
  type Authentication,
  type ClientRequest,
  developmentAcr,
  type FederationGateway,
  hardwareAcr,
  type Outbound,
  outboundErrors,
  type PresentedCertificate,
  parsePrincipalId,
  phishingResistantAcr,
  type SignIn,
  type SingleUse,
  type TokenResponse,
} from '@countersign/contracts';
import { isCodedError, newId, type SessionId } from '@countersign/kernel';
import { createLogger } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createMemorySingleUse,
  type FixedClock,
  fixedClock,
  makeKey,
  type SigningKey,
  seededRandom,
  signJws,
  testRowSeal,
} from '@countersign/testkit';
import pg from 'pg';
import { assembleAuthorizationServer } from '../authorization-server.ts';
import type { AuthorizationServerConfig } from '../config.ts';
import { memoryCredentialHolders } from './credential-holders.ts';
import { liveRevocations } from './live-revocations.ts';
import { memoryConsentStore, memoryFederation, memoryPolicyEngine, memoryTransactionRegistry } from './neighbours.ts';
import { broker, fund, tradingWorld, venueOrders } from './trading-world.ts';

export const issuer = 'https://as.example';
export const start = Date.parse('2026-11-23T10:00:00Z');
const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface HarnessOptions {
  readonly clock?: FixedClock;
  /** A database with the component's tables; without one, operations that need a table fail. */
  readonly pool?: pg.Pool;
  readonly outbound?: Partial<Outbound>;
  readonly authentication?: Partial<Authentication>;
  /** Replaces the gateway that knows a single partner. */
  readonly federationGateway?: FederationGateway;
  /** Replaces the register that remembers. */
  readonly singleUse?: SingleUse;
  readonly nonceSecret?: Uint8Array;
  readonly pingSecret?: Uint8Array;
  readonly config?: Partial<AuthorizationServerConfig>;
  /** Seed of the random bytes: two harnesses on one database need different seeds. */
  readonly seed?: string;
}

/** Every session is active, for any person. */
export async function standingSession(session: SessionId): Promise<SignIn> {
  const person = parsePrincipalId('person:anna.keller');
  if (person === undefined) throw new Error('a fixture that its own parser refuses');
  return { session, person, acr: 'phr', amr: ['hwk', 'user'], authTime: start / 1000, tier: 'order-entry' };
}

const nobodyThere = async (): Promise<never> => {
  throw outboundErrors.error('outbound_failed', 'There is nobody at that address.');
};

/** The server with everything around it, and software that uses it. */
export function createHarness(options: HarnessOptions = {}) {
  const { clock = fixedClock(start) } = options;
  const random = seededRandom(options.seed ?? 'authorization-server');
  const audit = createMemoryLog(clock, { checked: ['authorization-server'], anyReferences: true });
  const from = { clock, random, audit };
  const world = tradingWorld();
  const signer = createMemorySigner();
  const singleUse = createMemorySingleUse(clock);
  const consentStore = memoryConsentStore(from);
  const policyEngine = memoryPolicyEngine(from);
  const transactionRegistry = memoryTransactionRegistry(from);
  const idpKey = makeKey();
  const federationGateway = memoryFederation(idpKey, from);
  const revocations = liveRevocations({ clock, grants: consentStore.grants });
  const server = assembleAuthorizationServer({
    clock,
    random,
    signer,
    singleUse: options.singleUse ?? singleUse,
    audit,
    directory: world.directory,
    consentStore,
    policyEngine,
    transactionRegistry,
    federationGateway: options.federationGateway ?? federationGateway,
    revocations,
    outbound: { getJson: nobodyThere, post: nobodyThere, ...options.outbound },
    authentication: {
      current: async () => undefined,
      inBrowser: async () => [],
      // As in an installation for development.
      classesFor: (tier) =>
        tier === 'market-data' || tier === 'research' ? undefined : [phishingResistantAcr, hardwareAcr, developmentAcr],
      sessionsOf: async () => [],
      session: standingSession,
      begin: async () => '/sign-in',
      end: async () => undefined,
      endAllOf: async () => 0,
      ...options.authentication,
    },
    ...(options.pool === undefined ? { credentialHolders: memoryCredentialHolders() } : {}),
    // Connects at the first query, to a port where nothing listens.
    pool: options.pool ?? new pg.Pool({ host: '127.0.0.1', port: 1, connectionTimeoutMillis: 500 }),
    rowSeal: testRowSeal,
    ...(options.nonceSecret === undefined ? {} : { nonceSecret: options.nonceSecret }),
    ...(options.pingSecret === undefined ? {} : { pingSecret: options.pingSecret }),
    config: { issuer, environment: 'development', ...options.config },
    logger: createLogger({ level: 'silent', name: 'test' }),
  });
  const seconds = (): number => Math.floor(clock.now() / 1000);
  let counter = 0;
  const jti = (): string => `jti-${counter++}`;

  function assertion(clientId: string, change: object = {}, header: object = {}): string {
    const key = world.clientKey(clientId);
    const claims = {
      iss: clientId,
      sub: clientId,
      aud: issuer,
      jti: jti(),
      iat: seconds(),
      exp: seconds() + 60,
      ...change,
    };
    return signJws(key, { alg: 'ES256', kid: key.kid, ...header }, claims);
  }

  function proof(key: SigningKey, change: object = {}, header: object = {}): string {
    const claims = { jti: jti(), htm: 'POST', htu: `${issuer}/token`, iat: seconds(), ...change };
    return signJws(key, { typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk, ...header }, claims);
  }

  /** A token request by a client; a parameter that is undefined is left out. */
  function requestFor(
    clientId: string,
    parameters: Readonly<Record<string, string | undefined>>,
    by: { key?: SigningKey; proofs?: readonly string[]; certificate?: PresentedCertificate } = {},
  ): ClientRequest {
    const form = new URLSearchParams();
    const all = { client_assertion_type: clientAssertionType, client_assertion: assertion(clientId), ...parameters };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) form.set(name, value);
    const bound = world.directory.snapshot().client(clientId)?.binding ?? 'dpop';
    return {
      method: 'POST',
      url: `${issuer}/token`,
      body: form.toString(),
      authorization: [],
      dpop: by.proofs ?? (bound === 'dpop' ? [proof(by.key ?? dpopKeyOf(clientId))] : []),
      ...(by.certificate === undefined ? {} : { certificate: by.certificate }),
      address: '192.0.2.7',
    };
  }

  const dpopKeys = new Map<string, SigningKey>();
  function dpopKeyOf(clientId: string): SigningKey {
    const key = dpopKeys.get(clientId) ?? makeKey();
    dpopKeys.set(clientId, key);
    return key;
  }

  /** An order of the agent for the fund, with any field changed. */
  function order(change: object = {}): string {
    return JSON.stringify([
      {
        type: 'urn:countersign:rar:v1:trade_order',
        locations: [venueOrders, 'https://clearing.example/trades', 'https://custodian.example/settlement'],
        actions: ['create', 'clear', 'settle'],
        entity_lei: fund,
        mandate_id: consentStore.mandate.id,
        idempotency_key: 'order-0001',
        not_after: '2026-11-23T17:00:00Z',
        jurisdiction: 'DE',
        account: 'ACC-1',
        instrument: { isin: 'DE0007164600', cfi: 'ESVUFR' },
        venue_mic: 'XETR',
        side: 'BUY',
        max_qty: '100',
        max_notional: { amount: '15000', ccy: 'EUR' },
        tif: 'DAY',
        capacity: 'AOTC',
        parties: [{ role: 'ExecutingBroker', lei: broker }],
        algo: { model_id: 'vwap', version: '3.1', artifact_sha256: 'ab'.repeat(32) },
        client_order_id: 'C-1',
        ...change,
      },
    ]);
  }

  const clientCredentials = (change: Readonly<Record<string, string | undefined>> = {}): ClientRequest =>
    requestFor('vwap-engine', {
      grant_type: 'client_credentials',
      // Without an intent, only reading and cancelling are possible.
      scope: change['authorization_details'] === undefined ? 'order:cancel order:read' : 'order:create order:read',
      resource: venueOrders,
      ...change,
    });

  const partnerAssertion = (change: object = {}): string =>
    signJws(
      idpKey,
      { alg: 'ES256', typ: 'JWT', kid: idpKey.kid },
      {
        iss: 'https://idp.example',
        sub: 'anna',
        aud: issuer,
        jti: jti(),
        exp: seconds() + 120,
        acr: 'phr',
        auth_time: seconds() - 30,
        ...change,
      },
    );

  const federated = (
    change: Readonly<Record<string, string | undefined>> = {},
    clientId = 'order-desk',
  ): ClientRequest =>
    requestFor(clientId, {
      grant_type: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
      assertion: partnerAssertion(),
      scope: change['authorization_details'] === undefined ? 'order:cancel' : 'order:create',
      resource: venueOrders,
      ...change,
    });

  const exchange = (
    subjectToken: string,
    change: Readonly<Record<string, string | undefined>> = {},
    clientId = 'venue-gateway',
  ): ClientRequest =>
    requestFor(clientId, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subjectToken,
      subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
      resource: 'https://clearing.example/trades',
      ...change,
    });

  /** An access token signed with the server's own key, with claims that the server itself might never write. */
  function mint(claims: object, header: object = {}): string {
    const [key] = signer.keys;
    if (key === undefined) throw new Error('a signer without keys');
    return signJws(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid, ...header }, claims);
  }

  /** A request to a protected interface with a token. */
  function resourceRequest(token: string, clientId: string, url: string, change: object = {}) {
    const ath = createHash('sha256').update(token).digest('base64url');
    return {
      method: 'GET',
      url,
      authorization: [`DPoP ${token}`],
      dpop: [proof(dpopKeyOf(clientId), { htm: 'GET', htu: url, ath, ...change })],
    };
  }

  return {
    ...{
      clock,
      random,
      world,
      audit,
      signer,
      singleUse,
      consentStore,
      policyEngine,
      federationGateway,
      revocations,
      server,
      idpKey,
    },
    ...{
      assertion,
      proof,
      requestFor,
      dpopKeyOf,
      order,
      clientCredentials,
      partnerAssertion,
      federated,
      exchange,
      mint,
      resourceRequest,
      seconds,
    },
    newRecordId: () => newId('record', from),
  };
}

export type Harness = ReturnType<typeof createHarness>;

/** The unverified claims of a token, for inspection. */
export function claimsOf(response: TokenResponse): Record<string, unknown> {
  const [, payload = ''] = response.access_token.split('.');
  return JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as Record<string, unknown>;
}

/** How a promise fails: the OAuth code and the reason, or `released` when it does not. */
export async function refusalOf(
  answer: Promise<unknown>,
): Promise<{ readonly code: string; readonly reason?: unknown; readonly detail?: string }> {
  try {
    await answer;
    return { code: 'released' };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return { code: error.code, reason: error.facts?.['reason'], detail: error.detail };
  }
}
