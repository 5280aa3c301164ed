import { createHash } from 'node:crypto';
import {
  type ApplicationDetailType,
  type Authentication,
  developmentAcr,
  type Outbound,
  type SignIn,
} from '@countersign/contracts';
import { systemRandom } from '@countersign/kernel';
import { createKeyCache, createTokenMemory, userinfoAudience } from '@countersign/oauth';
import { createHttpServer, createLogger, createMetrics, pageRoutes } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemorySigner,
  createMemorySingleUse,
  createTestDatabase,
  type FixedClock,
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
import {
  authenticationMigrations,
  authenticationRoutes,
  createAuthentication,
} from '../../../authentication/src/index.ts';
import {
  authorizationRoutes,
  createAuthorizationEndpoint,
  interactionLifetimeSeconds,
} from '../authorization-endpoint/index.ts';
import { createRefusalBudget } from '../client-endpoint/refusal-budget.ts';
import { createWorkloadCredentials } from '../client-endpoint/workload-credentials.ts';
import { createClientKeys, createCredentialHolderStore } from '../client-keys/index.ts';
import { createCodes } from '../codes/index.ts';
import { createGuard } from '../guard.ts';
import { clientRequestOf } from '../http.ts';
import { createBackchannelLogout, createLogout, createSessionClients, logoutRoutes } from '../logout/index.ts';
import { authorizationServerMigrations } from '../migrations.ts';
import { sendOAuthError } from '../oauth-answer.ts';
import { createPushedRequests, type PushedRequestsOptions } from '../pushed-requests/index.ts';
import { createTokenKeys } from '../token-keys.ts';
import { createUserinfo, userinfoRoutes } from '../userinfo.ts';
import { liveRevocations } from './live-revocations.ts';
import { memoryConsentStore } from './neighbours.ts';
import { broker, deskRedirect, fund, tradingWorld, venueOrders } from './trading-world.ts';

// The real sign-in: a path, since the component itself never depends on another.

export const start = Date.parse('2026-11-23T10:00:00Z');
export const verifier = 'v'.repeat(43);
export const codeChallenge = createHash('sha256').update(verifier).digest('base64url');
export const requestUriPrefix = 'urn:ietf:params:oauth:request_uri:';
const clientAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export interface WorldOptions {
  readonly issuer?: string;
  readonly clock?: FixedClock;
  readonly options?: PushedRequestsOptions;
  readonly post?: Outbound['post'];
  readonly grantManagement?: boolean;
  readonly environment?: 'development' | 'production';
  /** PEM file: people also sign in with keys, of makers with these roots. */
  readonly keyRootsFile?: string;
}

export type CodeFlowWorld = Awaited<ReturnType<typeof createCodeFlowWorld>>;
export type Parameters = Readonly<Record<string, string | undefined>>;

const noApplications = { detailTypes: () => new Map<string, ApplicationDetailType>() };

/** The code flow on a given number of nodes: a real database, real sign-in, a directory, a log and a clock. */
export async function createCodeFlowWorld(given: WorldOptions = {}) {
  const { issuer = 'https://as.example', clock = fixedClock(start), environment = 'development' } = given;
  const database = await createTestDatabase({ components: [authorizationServerMigrations, authenticationMigrations] });
  const world = tradingWorld();
  const audit = createMemoryLog(clock, { checked: ['authorization-server'], anyReferences: true });
  const signer = createMemorySigner();
  const singleUse = createMemorySingleUse(clock);
  const from = { clock, random: systemRandom };
  const logger = createLogger({ level: 'silent', name: 'test' });
  const { grants, mandate } = memoryConsentStore({ ...from, audit });
  const revocations = liveRevocations({ clock, grants });
  const { directory } = world;
  const posts: { readonly url: string; readonly body: string }[] = [];
  const post: Outbound['post'] =
    given.post ??
    (async (url, { body }) => {
      posts.push({ url, body });
      return { status: 200 };
    });
  /** The class of the next sign-in, for tests that do not concern the development method. */
  let upgraded: Partial<SignIn> = {};
  const stops: (() => Promise<unknown>)[] = [];

  function node() {
    const pool = database.pool('authorization-server');
    const parts = {
      ...{ ...from, pool, logger, audit, directory, issuer, signer, singleUse },
      rowSeal: testRowSeal,
      standings: audit,
      policyEngine: noApplications,
    };
    const real = createAuthentication({
      ...from,
      pool: database.pool('authentication'),
      audit,
      directory,
      logger,
      rowSeal: testRowSeal,
      config: {
        ...{ issuer, environment: 'development' },
        methods: given.keyRootsFile === undefined ? ['development'] : ['development', 'webauthn'],
        ...(given.keyRootsFile === undefined ? {} : { authenticators: { rootsFile: given.keyRootsFile } }),
      },
    });
    const authentication: Authentication = {
      begin: real.begin,
      end: real.end,
      endAllOf: real.endAllOf,
      classesFor: real.classesFor,
      session: real.session,
      sessionsOf: real.sessionsOf,
      inBrowser: async (cookie) => (await real.inBrowser(cookie)).map((signIn) => ({ ...signIn, ...upgraded })),
      async current(cookie, need) {
        const signIn = await real.current(cookie, need);
        return signIn === undefined ? undefined : { ...signIn, ...upgraded };
      },
    };
    const clients = {
      ...parts,
      environment,
      clientKeys: createClientKeys({
        ...parts,
        holders: createCredentialHolderStore(pool),
        outbound: { getJson: () => Promise.reject(new Error('no keys are fetched here')) },
        keyAge: { maxDays: 365, warnDays: 30 },
      }),
      proofKeys: createKeyCache(),
      workloads: createWorkloadCredentials({ audit: parts.audit, issuer, workloadKeys: undefined }),
      refusals: createRefusalBudget({ failuresPerMinute: 10_000 }),
    };
    const codes = createCodes(parts);
    const sessionClients = createSessionClients(parts);
    const pushedRequests = createPushedRequests(
      { ...clients, ...(given.options === undefined ? {} : { options: given.options }) },
      interactionLifetimeSeconds,
    );
    const authorizationEndpoint = createAuthorizationEndpoint({
      ...parts,
      environment,
      authentication,
      grants,
      codes,
      pushedRequests,
      sessionClients,
      grantManagement: given.grantManagement ?? false,
    });
    const backchannelLogout = createBackchannelLogout({ ...parts, outbound: { post }, everyMs: 3_600_000 });
    const logout = createLogout({ ...parts, authentication, backchannelLogout });
    const guard = createGuard(userinfoAudience(issuer), {
      ...parts,
      tokenKeys: createTokenKeys(signer),
      proofKeys: clients.proofKeys,
      tokenMemory: createTokenMemory(),
      revocations,
    });
    const app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    authenticationRoutes(app, { authentication: real, directory, logger });
    app.post('/par', async (request, reply) => {
      try {
        return await reply.status(201).send(await pushedRequests.push(clientRequestOf(request, issuer)));
      } catch (error) {
        return sendOAuthError(error, request, reply);
      }
    });
    authorizationRoutes(app, { authorizationEndpoint, issuer, random: systemRandom, logger });
    logoutRoutes(app, { logout, issuer, random: systemRandom, logger });
    userinfoRoutes(app, { userinfo: createUserinfo({ guard, directory }), baseUrl: issuer });
    stops.push(async () => {
      await app.close();
      for (const part of [authorizationEndpoint, pushedRequests, codes, sessionClients, backchannelLogout, real])
        await part.stop();
    });
    return {
      ...{ app, codes, pushedRequests, authorizationEndpoint, authentication, backchannelLogout, sessionClients },
      /** The sign-in double, with its members beyond the contract. */
      signInRoom: real,
    };
  }

  const first = node();
  const seconds = (): number => Math.floor(clock.now() / 1000);
  let counter = 0;
  const jti = (): string => `jti-${counter++}`;

  function assertion(clientId: string): string {
    const key = world.clientKey(clientId);
    const claims = { iss: clientId, sub: clientId, aud: issuer, jti: jti(), iat: seconds(), exp: seconds() + 60 };
    return signJws(key, { alg: 'ES256', kid: key.kid }, claims);
  }
  function proof(key: SigningKey = makeKey(), change: object = {}): string {
    const claims = { jti: jti(), htm: 'POST', htu: `${issuer}/par`, iat: seconds(), ...change };
    return signJws(key, { typ: 'dpop+jwt', alg: 'ES256', jwk: key.jwk }, claims);
  }
  /** A request object of a client with these parameters as claims. */
  function requestObject(clientId: string, parameters: object, change: object = {}, header: object = {}): string {
    const key = world.clientKey(clientId);
    const claims = { iss: clientId, aud: issuer, nbf: seconds(), exp: seconds() + 300, client_id: clientId };
    return signJws(
      key,
      { alg: 'ES256', typ: 'oauth-authz-req+jwt', kid: key.kid, ...header },
      { ...claims, ...parameters, ...change },
    );
  }
  /** An order of the trading desk for the fund, with any field changed. */
  function order(change: object = {}): Record<string, unknown> {
    return {
      type: 'urn:countersign:rar:v1:trade_order',
      locations: [venueOrders],
      actions: ['create'],
      entity_lei: fund,
      mandate_id: mandate.id,
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
  /** The request that the trading desk pushes: one order at the venue. */
  const deskRequest = (change: Parameters = {}): Parameters => ({
    response_type: 'code',
    redirect_uri: deskRedirect,
    scope: 'openid order:create',
    resource: venueOrders,
    authorization_details: JSON.stringify([order()]),
    state: 'state-1',
    nonce: 'nonce-1',
    code_challenge: codeChallenge,
    code_challenge_method: 'S256',
    ...change,
  });

  /** A form; a parameter that is undefined is left out. */
  function form(parameters: Parameters): string {
    return new URLSearchParams(
      Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined),
    ).toString();
  }
  async function push(
    clientId: string,
    parameters: Parameters,
    by: { readonly dpop?: string; readonly raw?: string; readonly app?: FastifyInstance } = {},
  ) {
    const credentials = { client_assertion_type: clientAssertionType, client_assertion: assertion(clientId) };
    const response = await (by.app ?? first.app).inject({
      method: 'POST',
      url: '/par',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(by.dpop === undefined ? {} : { dpop: by.dpop }),
      },
      payload: `${form({ ...credentials, ...parameters })}${by.raw ?? ''}`,
    });
    return { status: response.statusCode, ...response.json<Record<string, unknown>>() };
  }
  /** Pushes a request that should be accepted. @returns the request URI */
  async function pushed(clientId = 'trading-desk', parameters: Parameters = deskRequest()): Promise<string> {
    const answer: Record<string, unknown> = await push(clientId, parameters);
    const { request_uri: uri } = answer;
    if (typeof uri !== 'string') throw new Error(`not taken: ${JSON.stringify(answer)}`);
    return uri;
  }
  const authorizeUrl = (clientId: string, requestUri: string): string =>
    `/authorize?${form({ client_id: clientId, request_uri: requestUri })}`;

  /** Signs in on the page that the browser was sent to. @returns the answer to the form */
  async function signInAt(browser: WebBrowser, path: string, person = 'person:anna.keller') {
    const { body } = await browser.get(path);
    const fields = { csrf: hiddenField(body, 'csrf'), method: hiddenField(body, 'method'), action: 'sign-in', person };
    return browser.post(path, fields);
  }
  /** From the arrival, through the sign-in, to the consent page. */
  async function toConsent(url: string, browser: WebBrowser, person?: string) {
    const arrived = await browser.get(url);
    if (!String(arrived.headers.location).startsWith('/sign-in/')) return arrived;
    const back = await signInAt(browser, String(arrived.headers.location), person);
    return browser.get(String(back.headers.location));
  }
  const consentForm = (page: string, decision: string | undefined = 'allow') => ({
    csrf: hiddenField(page, 'csrf'),
    interaction: hiddenField(page, 'interaction'),
    decision,
  });

  return {
    ...{ database, world, audit, signer, singleUse, clock, grants, revocations, issuer, posts, logger, mandate },
    ...{ assertion, proof, requestObject, order, deskRequest, form, push, pushed, authorizeUrl, seconds },
    ...{ signInAt, toConsent, consentForm, node, ...first },
    browser: (app: FastifyInstance = first.app) => webBrowser(app),
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

export { developmentAcr };

/** RFC 9449 section 4.2: the hash of the access token that a proof comes with. */
export function ath(accessToken: string): string {
  return createHash('sha256').update(accessToken).digest('base64url');
}
