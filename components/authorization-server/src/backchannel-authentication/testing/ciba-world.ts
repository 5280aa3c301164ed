import { authenticationMigrations, authenticationRoutes, createAuthentication } from '@countersign/authentication';
import type {
  Authentication,
  ClientRequest,
  Outbound,
  PresentedCertificate,
  SignIn,
  TransactionRegistry,
} from '@countersign/contracts';
import { type GrantId, parseId, sha256Base64Url, systemRandom } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { createHttpServer, createLogger, createMetrics, pageRoutes } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createMemorySingleUse,
  createTestDatabase,
  fixedClock,
  hiddenField,
  makeKey,
  type SigningKey,
  signJws,
  testRowSeal,
  type WebBrowser,
  webBrowser,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { createSmallAuthenticators } from '../../../../transaction-registry/src/testing/small-authenticators.ts';
import { createRefusalBudget } from '../../client-endpoint/refusal-budget.ts';
import { createWorkloadCredentials } from '../../client-endpoint/workload-credentials.ts';
import { createClientKeys, createCredentialHolderStore } from '../../client-keys/index.ts';
import { ciba } from '../../grants/ciba.ts';
import { refreshToken } from '../../grants/refresh-token.ts';
import { createIdTokens } from '../../id-tokens.ts';
import { authorizationServerMigrations } from '../../migrations.ts';
import { createOpaqueTokens } from '../../opaque-tokens/index.ts';
import { createRefreshTokens } from '../../refresh-tokens/index.ts';
import { memoryConsentStore, memoryPolicyEngine, memoryTransactionRegistry } from '../../testing/neighbours.ts';
import { broker, fund, tradingWorld, venueOrders } from '../../testing/trading-world.ts';
import { createTokenForms, createTokenSigner } from '../../token-endpoint/issue.ts';
import { createTokenEndpoint } from '../../token-endpoint/token-endpoint.ts';
import {
  type BackchannelAuthenticationOptions,
  cibaGrantType,
  createBackchannelAuthentication,
} from '../backchannel-authentication.ts';
import { backchannelAuthenticationRoutes } from '../http.ts';

export const issuer = 'https://as.example';
export const start = Date.parse('2026-11-23T10:00:00Z');
export const anna = 'person:anna.keller';
/** A person of another institution than the trading desk. */
export const carl = 'person:carl.otto';
export const pingEndpoint = 'https://desk.example/ciba';
export const notificationToken = 'cBDqB5v2oYh8fK1sP0aT7w';
const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export type Fields = Readonly<Record<string, string | undefined>>;
export type CibaWorld = Awaited<ReturnType<typeof createCibaWorld>>;

export interface SentPing {
  readonly url: string;
  readonly body: unknown;
  readonly authorization: string | undefined;
  readonly contentType: string;
}

/** The requesting client, and the key or certificate it presents. */
export interface By {
  readonly clientId?: string;
  readonly proofKey?: SigningKey | undefined;
  readonly certificate?: PresentedCertificate;
}

/** Backchannel authentication on as many nodes as are asked for: a real database, real sign-in, the real token endpoint. */
export async function createCibaWorld(
  given: {
    readonly options?: BackchannelAuthenticationOptions;
    readonly pingSecret?: Uint8Array | undefined;
    readonly signing?: true;
    readonly environment?: 'production';
    readonly transactions?: Pick<TransactionRegistry, 'waitingFor'>;
  } = { pingSecret: new Uint8Array(32).fill(7) },
) {
  const database = await createTestDatabase({ components: [authorizationServerMigrations, authenticationMigrations] });
  const clock = fixedClock(start);
  const from = { clock, random: systemRandom };
  const logger = createLogger({ level: 'silent', name: 'test' });
  const world = tradingWorld();
  const { directory } = world;
  const audit = createMemoryLog(clock, { checked: ['authorization-server'], anyReferences: true });
  const authenticators = createSmallAuthenticators({ ...from, audit });
  const signer = createMemorySigner();
  const singleUse = createMemorySingleUse(clock);
  const consentStore = memoryConsentStore({ ...from, audit });
  const policyEngine = memoryPolicyEngine(from);
  const transactionRegistry = memoryTransactionRegistry(from);
  const pings: SentPing[] = [];
  let answerPing: () => Promise<{ readonly status: number }> = async () => ({ status: 204 });
  const outbound: Pick<Outbound, 'post' | 'getJson'> = {
    getJson: () => Promise.reject(new Error('no keys are fetched here')),
    async post(url, { body, authorization, contentType }) {
      pings.push({ url, body: JSON.parse(body), authorization, contentType });
      return answerPing();
    },
  };
  /** The class of every sign-in, for tests that do not concern the development method. */
  let upgraded: Partial<SignIn> = {};
  const stops: (() => Promise<unknown>)[] = [];

  world.changeClient('trading-desk', {
    grantTypes: [cibaGrantType, 'refresh_token'],
    backchannelDelivery: { mode: 'poll' },
  });

  function node() {
    const pool = database.pool('authorization-server');
    const parts = {
      ...{ ...from, pool, logger, audit, directory, issuer, signer, singleUse, outbound },
      rowSeal: testRowSeal,
      standings: audit,
    };
    const real = createAuthentication({
      ...parts,
      pool: database.pool('authentication'),
      rowSeal: testRowSeal,
      config: { issuer, environment: 'development', methods: ['development'] },
    });
    const authentication: Authentication = {
      ...real,
      async current(cookie, need) {
        const signIn = await real.current(cookie, need);
        return signIn === undefined ? undefined : { ...signIn, ...upgraded };
      },
    };
    const clients = {
      ...parts,
      environment: given.environment ?? ('development' as const),
      clientKeys: createClientKeys({
        ...parts,
        holders: createCredentialHolderStore(pool),
        keyAge: { maxDays: 365, warnDays: 30 },
      }),
      proofKeys: createKeyCache(),
      workloads: createWorkloadCredentials({ audit: parts.audit, issuer, workloadKeys: undefined }),
      refusals: createRefusalBudget({ failuresPerMinute: 10_000 }),
    };
    const backchannel = createBackchannelAuthentication({
      ...clients,
      ...parts,
      authentication,
      policyEngine,
      grants: consentStore.grants,
      ...(given.signing === undefined ? {} : { statements: authenticators.statements }),
      ...(given.transactions === undefined ? {} : { transactions: given.transactions }),
      ...(given.pingSecret === undefined ? {} : { pingSecret: given.pingSecret }),
      options: { pingEveryMs: 3_600_000, ...given.options },
    });
    const refreshTokens = createRefreshTokens(parts);
    const signToken = createTokenSigner(signer);
    const opaqueTokens = createOpaqueTokens({ ...parts, region: 'default', signToken });
    const consents = {
      idTokens: createIdTokens(signer, issuer),
      refreshTokens,
      grantRegister: consentStore.grants,
      refreshTokenLifetimeDays: 90,
      grantManagement: false,
    };
    const token = createTokenEndpoint({
      clients,
      authentication,
      consentStore,
      policyEngine,
      transactionRegistry,
      grants: new Map(
        [ciba({ ...consents, backchannelRequests: backchannel.requests }), refreshToken({ ...consents, ...parts })].map(
          (grant) => [grant.grantType, grant],
        ),
      ),
      tokenForms: createTokenForms({ signToken, opaqueTokens }),
      standings: audit,
      accessTokenLifetimeSeconds: 300,
    });
    const app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    authenticationRoutes(app, { authentication: real, directory, logger });
    backchannelAuthenticationRoutes(app, { approvals: backchannel.approvals, issuer, random: systemRandom, logger });
    stops.push(async () => {
      await app.close();
      for (const part of [backchannel, refreshTokens, opaqueTokens, real]) await part.stop();
    });
    return { app, backchannel, token };
  }

  const first = node();
  const seconds = (): number => Math.floor(clock.now() / 1000);
  let counter = 0;
  const jti = (): string => `jti-${counter++}`;
  const dpopKeys = new Map<string, SigningKey>();
  function dpopKeyOf(clientId: string): SigningKey {
    const key = dpopKeys.get(clientId) ?? makeKey();
    dpopKeys.set(clientId, key);
    return key;
  }
  function assertion(clientId: string): string {
    const key = world.clientKey(clientId);
    const claims = { iss: clientId, sub: clientId, aud: issuer, jti: jti(), iat: seconds(), exp: seconds() + 60 };
    return signJws(key, { alg: 'ES256', kid: key.kid }, claims);
  }
  function proof(key: SigningKey, path: string): string {
    const claims = { jti: jti(), htm: 'POST', htu: issuer + path, iat: seconds() };
    return signJws(key, { typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk }, claims);
  }

  function requestTo(
    path: string,
    fields: Fields,
    { clientId = 'trading-desk', proofKey, certificate }: By,
  ): ClientRequest {
    const form = new URLSearchParams();
    const all = { client_assertion_type: clientAssertionType, client_assertion: assertion(clientId), ...fields };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) form.set(name, value);
    return {
      method: 'POST',
      url: issuer + path,
      body: form.toString(),
      authorization: [],
      dpop: proofKey === undefined ? [] : [proof(proofKey, path)],
      ...(certificate === undefined ? {} : { certificate }),
      address: '192.0.2.7',
    };
  }

  /** An order of the trading desk for the fund, with any field changed. */
  function order(change: object = {}): Record<string, unknown> {
    return {
      type: 'urn:countersign:rar:v1:trade_order',
      locations: [venueOrders],
      actions: ['create'],
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
      client_order_id: 'C-1',
      ...change,
    };
  }
  /** The request of the trading desk to Anna: to view orders, with a message to compare. */
  const plain = (change: Fields = {}): Fields => ({
    login_hint: anna,
    scope: 'openid order:read',
    resource: venueOrders,
    binding_message: 'W4SCT',
    ...change,
  });
  /** As {@link plain}, signed; a claim that is undefined is left out. */
  function signed(parameters: object, change: object = {}, header: object = {}, clientId = 'trading-desk'): string {
    const key = world.clientKey(clientId);
    const claims = {
      iss: clientId,
      aud: issuer,
      iat: seconds(),
      nbf: seconds(),
      exp: seconds() + 300,
      jti: jti(),
      ...parameters,
      ...change,
    };
    return signJws(key, { alg: 'ES256', kid: key.kid, ...header }, claims);
  }
  /** Signs the request, as FAPI-CIBA requires, unless it is already signed or the test wants it unsigned. */
  const ask = (
    fields: Fields = plain(),
    by: By & { readonly at?: Pick<typeof first, 'backchannel'>; readonly unsigned?: true } = {},
  ) => {
    const sent =
      by.unsigned === true || 'request' in fields
        ? fields
        : {
            request: signed(
              Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)),
              {},
              {},
              by.clientId,
            ),
          };
    return (by.at ?? first).backchannel.ask(requestTo('/bc-authorize', sent, by));
  };
  const redeem = (
    authReqId: string | undefined,
    by: By & { readonly at?: Pick<typeof first, 'token'>; readonly fields?: Fields } = {},
  ) => {
    const clientId = by.clientId ?? 'trading-desk';
    const bound = directory.snapshot().client(clientId)?.binding === 'dpop';
    return (by.at ?? first).token(
      requestTo(
        '/token',
        { grant_type: cibaGrantType, auth_req_id: authReqId, ...by.fields },
        { ...by, clientId, proofKey: by.proofKey ?? (bound ? dpopKeyOf(clientId) : undefined) },
      ),
    );
  };

  /** Opens an address, and signs in where the browser is sent there. @returns the page */
  async function openSignedIn(browser: WebBrowser, path: string, person = anna) {
    const arrived = await browser.get(path);
    const { location } = arrived.headers;
    if (!String(location).startsWith('/sign-in/')) return arrived;
    const { body } = await browser.get(String(location));
    const fields = { csrf: hiddenField(body, 'csrf'), method: hiddenField(body, 'method'), action: 'sign-in', person };
    const back = await browser.post(String(location), fields);
    return browser.get(String(back.headers.location));
  }
  const pathOf = (authReqId: string): string => `/approvals/${sha256Base64Url(authReqId)}`;
  /** The consent that was given for a request. */
  function grantOf(authReqId: string): GrantId {
    const hash = sha256Base64Url(authReqId);
    for (const { type, data } of audit.records) {
      if (type !== 'authorization.granted' || typeof data !== 'object' || data === null) continue;
      if (!('auth_req_id_sha256' in data) || data.auth_req_id_sha256 !== hash || !('grant' in data)) continue;
      const grant = parseId('grant', data.grant);
      if (grant !== undefined) return grant;
    }
    throw new Error('nothing was given');
  }
  const formOf = (page: string, decision: string | undefined) => ({
    csrf: hiddenField(page, 'csrf'),
    seen: hiddenField(page, 'seen'),
    decision,
  });
  /** The person decides, from the sign-in on, in a browser of their own. @returns the answer to the form */
  async function decide(authReqId: string, decision: 'allow' | 'refuse', person = anna, app = first.app) {
    const browser = webBrowser(app);
    const path = pathOf(authReqId);
    const { body } = await openSignedIn(browser, path, person);
    return browser.post(path, formOf(body, decision));
  }
  return {
    ...{ database, clock, logger, authenticators, world, audit, signer, consentStore, policyEngine, pings, seconds },
    ...{ node, order, plain, signed, ask, redeem, dpopKeyOf, openSignedIn, pathOf, grantOf, formOf, decide, ...first },
    browser: (app: FastifyInstance = first.app) => webBrowser(app),
    answerPings(answer: typeof answerPing) {
      answerPing = answer;
    },
    /** From now on sign-ins are of another class than the development method's. */
    upgradeSignIns(change: Partial<SignIn>) {
      upgraded = change;
    },
    async close() {
      for (const stop of stops) await stop();
      await database.drop();
    },
  };
}
