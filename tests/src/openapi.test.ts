import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ApplicationModel, accessErrors } from '@countersign/contracts';
import { type MandateId, systemClock } from '@countersign/kernel';
import { parseLei } from '@countersign/market';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import {
  createClient,
  generateSigningKey,
  importSigningKey,
  signBatchApproval,
  tokenInDevelopment,
} from '@countersign/sdk';
import { type Configuration, readBundleFolder, readConfiguration, shippedPolicies } from '@countersign/server';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { mountHealth, mountPages, mountRoutes } from '../../apps/server/src/interfaces/routes.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { leis } from './testing/firms.ts';
import { otherBond } from './testing/instruments.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { claimsOf, mandateTerms, openTrading, type Trading } from './testing/trading.ts';
import { useCertificates } from './testing/use-certificates.ts';
import { useHalts } from './testing/use-halts.ts';
import { peopleAndDevices, postureFeeds, usePeople } from './testing/use-people.ts';
import { leasedDatabase, useSecrets } from './testing/use-secrets.ts';
import { useWorkloads } from './testing/use-workloads.ts';
import { createAttester } from './testing/workload-world.ts';

// The interface description, compared with the interfaces: which routes exist, what they accept, what they answer.

interface Content {
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}
interface Operation {
  readonly tags: readonly string[];
  readonly security?: readonly unknown[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content>>;
}
interface Document {
  readonly servers: readonly { readonly url: string }[];
  readonly tags: readonly { readonly name: string; readonly 'x-codes'?: Readonly<Record<string, number>> }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly 'x-codes': Readonly<Record<string, number>>;
  readonly 'x-specified-elsewhere': readonly { readonly paths: readonly string[] }[];
}

/** What was sent and received at one of the described routes. */
interface Exchange {
  readonly route: string;
  readonly status: number;
  readonly mediaType: string;
  readonly sent: unknown;
  readonly answered: unknown;
}

const folder = scratchFolder();
let configuration: Configuration;
let controlPlane: RunningControlPlane;
let trading: Trading;
let document: Document;
let leased: Awaited<ReturnType<typeof leasedDatabase>>;
const exchanges: Exchange[] = [];

beforeAll(async () => {
  const plain = await configurationIn(folder.path);
  leased = await leasedDatabase(folder.path);
  configuration = readConfiguration({
    ...plain,
    devices: postureFeeds(plain.operator.lei),
    features: { grantManagement: 'draft-03' },
    secrets: leased.settings,
    // The same clients still exist years later, when evidence may be pruned.
    keys: { ...plain.keys, clientKeyMaxAgeDays: 3_650 },
  });
  controlPlane = await runControlPlane(configuration);
  document = (await (await fetch(`${controlPlane.issuer}/openapi.json`)).json()) as Document;
  listen();
  trading = await openTrading(controlPlane);
});
afterAll(async () => {
  vi.restoreAllMocks();
  await trading?.stop();
  await controlPlane?.stop();
  await leased?.drop();
  folder.remove();
});

/** Records every exchange with a described route, from every caller. */
function listen(): void {
  const original = globalThis.fetch;
  vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
    const answer = await original(input, init);
    const url = new URL(input instanceof Request ? input.url : input);
    const route = url.origin === controlPlane.issuer ? routeOf(init?.method ?? 'GET', url.pathname) : undefined;
    if (route !== undefined) {
      const mediaType = answer.headers.get('content-type')?.split(';')[0] ?? '';
      const text = mediaType === 'text/event-stream' ? await firstFrameOf(answer) : await answer.clone().text();
      exchanges.push({
        route,
        status: answer.status,
        mediaType,
        sent: typeof init?.body === 'string' ? JSON.parse(init.body) : undefined,
        answered: mediaType.endsWith('json') || mediaType === 'text/event-stream' ? JSON.parse(text) : text,
      });
      // A stream has been read as far as needed, and ended by that.
      if (mediaType === 'text/event-stream') return new Response(text, answer);
    }
    return answer;
  });
}

/** The first event of a stream; waiting for its end would take forever. */
async function firstFrameOf(answer: Response): Promise<string> {
  const reader = answer.body?.getReader();
  let text = '';
  for (;;) {
    const chunk = await reader?.read();
    text += chunk?.value === undefined ? '' : Buffer.from(chunk.value).toString();
    const data = /^data: (.*)$/m.exec(text)?.[1];
    if (data !== undefined || chunk?.done !== false) {
      await reader?.cancel();
      return data ?? 'null';
    }
  }
}

const patternOf = (path: string): RegExp =>
  new RegExp(
    `^${path
      .replaceAll('.', '\\.')
      .replace('{path}', '.+')
      .replaceAll(/\{\w+\}/g, '[^/]+')}$`,
  );

/** The most literal one comes first, as in the router. */
function routeOf(method: string, pathname: string): string | undefined {
  const found = Object.entries(document.paths)
    .filter(([path, methods]) => Object.hasOwn(methods, method.toLowerCase()) && patternOf(path).test(pathname))
    .sort(([one], [other]) => one.split('{').length - other.split('{').length || other.length - one.length);
  return found[0] === undefined ? undefined : `${method} ${found[0][0]}`;
}

function operationOf(route: string): Operation {
  const [method = '', path = ''] = route.split(' ');
  const operation = document.paths[path]?.[method.toLowerCase()];
  if (operation === undefined) throw new Error(`${route} is not described`);
  return operation;
}

const documented = (): readonly string[] =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );

/** All routes, without a listener. `onRoute` is called for each. */
function mounted(onRoute: (route: string) => void = () => undefined): ReturnType<typeof createHttpServer> {
  const logger = createLogger({ level: 'silent', name: 'test' });
  const metrics = createMetrics();
  const app = createHttpServer({ logger, metrics });
  app.addHook('onRoute', ({ method, url }) => {
    for (const each of [method].flat()) if (each !== 'HEAD') onRoute(`${each} ${url}`);
  });
  const listener = { name: 'HTTP' as const, zone: 'main', baseUrl: controlPlane.issuer, host: '127.0.0.1', port: 0 };
  mountRoutes(app, controlPlane.components, {
    configuration,
    listener,
    clock: systemClock,
    openapi: async () => '',
  });
  mountPages(app, controlPlane.components, { configuration, clock: systemClock, logger });
  mountHealth(app, { ready: async () => true, metrics });
  return app;
}

describe('the description of the running server', () => {
  it('names its address', () => {
    expect(document.servers).toEqual([{ url: controlPlane.issuer }]);
  });

  it('has every route, or names the specification that describes it', async () => {
    const routes: string[] = [];
    const app = mounted((route) => routes.push(route));
    await app.ready();

    const described = new Set(documented());
    const elsewhere = document['x-specified-elsewhere'].flatMap(({ paths }) => paths);
    const isElsewhere = (url: string): boolean =>
      elsewhere.some((path) => (path.endsWith('*') ? url.startsWith(path.slice(0, -1)) : path === url));
    const inDocument = (route: string): string => route.replace('*', '{path}').replaceAll(/:(\w+)/g, '{$1}');
    expect(routes.length).toBeGreaterThan(60);
    expect(
      routes.filter((route) => !described.has(inDocument(route)) && !isElsewhere(route.split(' ')[1] ?? '')),
    ).toEqual([]);
    expect([...described].filter((route) => !routes.map(inDocument).includes(route))).toEqual([]);
    // Nothing is described twice, and every named address exists.
    const urls = routes.map((route) => route.split(' ')[1] ?? '');
    expect([...described].filter((route) => isElsewhere(route.split(' ')[1] ?? ''))).toEqual([]);
    for (const path of elsewhere)
      expect(
        urls.some((url) => (path.endsWith('*') ? url.startsWith(path.slice(0, -1)) : url === path)),
        path,
      ).toBe(true);
  });
});

describe('the answers of the running server', () => {
  it('authenticate before anything else', async () => {
    const app = mounted();
    const guarded = documented().filter((route) => (operationOf(route).security ?? []).length > 0);
    expect(guarded.length).toBeGreaterThan(80);
    const others = new Set<string>();
    for (const route of [...guarded, 'POST /scim/v2/Users', 'GET /scim/v2/Users/{id}']) {
      const [method = '', path = ''] = route.split(' ');
      // Neither unreadable input nor input that does not match the description.
      for (const body of method === 'GET' ? [''] : ['{', '[7]', '{"event":7}'])
        for (const authorization of [undefined, 'DPoP x.y.z']) {
          const { statusCode } = await app.inject({
            method: method as 'GET' | 'POST',
            url: `${path.replaceAll(/\{\w+\}/g, 'x')}?nonsense=1`,
            headers: { 'content-type': 'application/json', ...(authorization === undefined ? {} : { authorization }) },
            payload: body,
          });
          if (statusCode !== 401) others.add(`${route} ${body} ${statusCode}`);
        }
    }
    // The required scope of a step depends on the body.
    const step = 'POST /transactions/{id}/transitions { 400';
    expect([...others]).toEqual([step]);
    await app.close();
  });

  it('match the description for every route, and so do the requests', async () => {
    await useEverything();
    const answered = new Set(exchanges.filter(({ status }) => status < 300).map(({ route }) => route));
    expect(documented().filter((route) => !answered.has(route))).toEqual([]);

    const ajv = new Ajv2020({
      strict: false,
      allErrors: true,
      // Our times are always in UTC.
      formats: { 'date-time': /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z$/, binary: true },
    });
    ajv.addSchema({ $id: 'document', ...document });
    const check = (schema: object | undefined, value: unknown, what: string): void => {
      expect(schema, what).toBeDefined();
      const pointed = JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document#/')) as object;
      const validate = ajv.compile(pointed);
      validate(value);
      expect(validate.errors ?? [], `${what}: ${JSON.stringify(value)?.slice(0, 400)}`).toEqual([]);
    };
    for (const { route, status, mediaType, sent, answered: answer } of exchanges) {
      const { requestBody, responses } = operationOf(route);
      const described = responses[status] ?? responses['default'];
      if (mediaType === '')
        expect({ described, answer }).toEqual({ described: { description: expect.any(String) }, answer: '' });
      else check(described?.content?.[mediaType]?.schema, answer, `${route} ${status} ${mediaType}`);
      if (status < 300 && requestBody !== undefined)
        check(requestBody.content?.['application/json']?.schema, sent, `${route} request`);
    }
    expect(exchanges.length).toBeGreaterThan(60);
  }, 120_000);

  it('use an error code of the chapter or of the document, with its status', async () => {
    const refused = exchanges.filter(({ status }) => status >= 400);
    expect(new Set(refused.map(({ answered }) => (answered as { code: string }).code)).size).toBeGreaterThan(8);
    for (const { route, status, answered } of refused) {
      const { code } = answered as { readonly code: string };
      const chapter = document.tags.find(({ name }) => operationOf(route).tags.includes(name));
      const codes = { ...document['x-codes'], ...chapter?.['x-codes'] };
      expect({ route, code, status: codes[code] }).toEqual({ route, code, status });
    }
    expect(Object.keys(document['x-codes'])).toEqual(expect.arrayContaining(Object.keys(accessErrors.codes)));
  });
});

/** At least one exchange with every route, and the most common refusals. */
async function useEverything(): Promise<void> {
  const { operator } = controlPlane;
  const decide = (path: string, body: unknown): Promise<unknown> =>
    bySecond(path.startsWith('/policies') ? 'policy:approve' : 'directory:approve', path, body);

  for (const path of ['/healthz', '/readyz', '/metrics', '/.well-known/countersign', '/openapi.json']) await read(path);
  for (const path of ['/log/checkpoint', '/log/verifier-key', '/revocations', '/log/tile/0/999']) await read(path);
  for (const path of ['/keys', '/directory/clients', '/mandates?after=x', '/evidence/records']) await read(path);

  // Directory, clients, production changes, partners.
  const file = trading.firms.directoryDocument();
  await operator.call('directory', 'directory:apply', post('/directory/plan', file));
  const desk = generateSigningKey();
  const registration = {
    id: 'desk',
    institution: leis.arranger,
    principal: 'service:desk',
    grant_types: ['client_credentials'],
    scopes: ['mandate:read'],
    audiences: [`${controlPlane.issuer}/mandates`],
    jwks: { keys: [{ ...desk.publicJwk, kid: desk.kid }] },
  };
  const feedKey = generateSigningKey();
  const feed = {
    client: createClient({ issuer: controlPlane.issuer, clientId: 'feed', key: feedKey }),
    registration: {
      ...registration,
      id: 'feed',
      institution: configuration.operator.lei,
      principal: 'service:feed',
      scopes: ['reference:record'],
      audiences: [`${controlPlane.issuer}/directory`],
      jwks: { keys: [{ ...feedKey.publicJwk, kid: feedKey.kid }] },
    },
  };
  const attester = createAttester(controlPlane.issuer, configuration.operator.lei);
  const { people, devices } = peopleAndDevices(configuration.operator.lei);
  const withDesk = {
    ...file,
    people: [...(file['people'] ?? []), ...people],
    devices,
    services: [
      ...(file['services'] ?? []),
      { id: 'service:desk', institution: leis.arranger, roles: [] },
      { id: 'service:venues', institution: leis.arranger, roles: [] },
      { id: 'service:feed', institution: configuration.operator.lei, roles: ['reference-data'] },
      attester.service,
    ],
    clients: [...(file['clients'] ?? []), feed.registration, attester.registration],
  };
  const applying = (path: string, body: unknown) => operator.call('directory', 'directory:apply', post(path, body));
  // Adding approvers takes two people.
  await refused(applying('/directory/apply', withDesk));
  const asked = (await applying('/directory/changes', { file: withDesk, reason: 'A new desk' })) as {
    readonly id: string;
    readonly digest: string;
  };
  await decide(`/directory/changes/${asked.id}/approve`, { digest: asked.digest });
  await applying('/directory/apply', withDesk);
  // Reference data, from a feed.
  const record = async (path: string, body: object): Promise<unknown> => {
    const url = `${controlPlane.issuer}/directory`;
    const token = await feed.client.clientCredentials({ resource: url, scope: 'reference:record' });
    return feed.client.callOrThrow(token, {
      method: 'POST',
      url: `${url}/${path}`,
      body: { reason: 'The feed of today', ...body },
    });
  };
  const yen = { currency: 'JPY', base: 'EUR', rate: '0.0061', source: 'ECB', as_of: '2020-01-02T15:00:00Z' };
  await record('rates', { rates: [yen] });
  await record('rates', { rates: [{ ...yen, rate: '0.005' }] });
  await record('instruments', { instruments: [{ ...otherBond, complex: true }] });
  await record('instruments', { instruments: [otherBond] });
  await refused(record('rates', { rates: [{ ...yen, rate: '0' }] }));
  // Compliance findings: better ones take two people, worse ones take one.
  const findings = (reason: string, compliance: unknown) =>
    asCompliance('/directory/findings', { reason, findings: [{ institution: leis.arranger, compliance }] });
  const [arranger] = (file['institutions'] ?? []).filter(({ lei }) => lei === leis.arranger);
  const fit = arranger?.['compliance'] as Readonly<Record<string, unknown>>;
  await findings('Looked at again', { ...fit, aml_risk: 'medium' });
  const better = (await findings('Settled', fit)) as { readonly id: string; readonly digest: string };
  await decide(`/directory/changes/${better.id}/approve`, { digest: better.digest });
  await operator.call('directory', 'directory:apply', post('/directory/clients', registration));
  await operator.call('directory', 'directory:read', get('/directory/clients?limit=2'));
  await operator.call('directory', 'directory:read', get('/directory/client/desk'));
  await operator.call('directory', 'directory:read', get('/directory/person/person:anna.keller'));
  await refused(operator.call('directory', 'directory:read', get('/directory/client/nobody')));
  await refused(operator.call('directory', 'directory:apply', post('/directory/clients', { ...registration, x: 1 })));
  await operator.call('directory', 'directory:apply', { method: 'DELETE', path: '/directory/clients/desk' });
  // The id of a removed client is never reused.
  const production = { ...registration, id: 'desk-live', environment: 'production' };
  await refused(operator.call('directory', 'directory:apply', post('/directory/clients', production)));
  const propose = async (reason: string): Promise<{ readonly id: string; readonly digest: string }> =>
    (await operator.call(
      'directory',
      'directory:apply',
      post('/directory/changes', { reason, edit: { put: { clients: [production] } } }),
    )) as { id: string; digest: string };
  const first = await propose('Goes live');
  await operator.call('directory', 'directory:read', get('/directory/changes?status=proposed'));
  await operator.call('directory', 'directory:read', get(`/directory/changes/${first.id}`));
  await decide(`/directory/changes/${first.id}/reject`, { reason: 'Not this week' });
  const again = await propose('Goes live after all');
  await decide(`/directory/changes/${again.id}/approve`, { digest: again.digest });
  // A partner whose trust is proposed and approved, narrowed and withdrawn.
  const partner = {
    ...trading.firms.trustProfile,
    issuer: 'https://idp.partner.example',
    jwks_uri: 'https://idp.partner.example/jwks',
  };
  const register = (profile: object) =>
    operator.call('partners', 'partner:register', post('/partners/profiles', { profile, reason: 'A partner' }));
  const proposedPartner = (await register(partner)) as { readonly id: string; readonly digest: string };
  await operator.call('directory', 'directory:read', get(`/directory/changes/${proposedPartner.id}`));
  await decide(`/directory/changes/${proposedPartner.id}/approve`, { digest: proposedPartner.digest });
  const narrower = (await register({ ...partner, max_lifetime_seconds: 60 })) as { readonly id: string };
  await operator.call(
    'partners',
    'partner:register',
    post(`/partners/profiles/${narrower.id}/suspend`, { reason: 'Its keys were stolen' }),
  );
  await operator.call('partners', 'partner:register', get('/partners/profiles'));

  // Mandates and grants.
  const { mandate } = await trading.grantMandates();
  const other = await trading.propose('am-mandates', mandateTerms());
  await trading.accept('ha-mandates', other);
  for (const step of ['suspend', 'resume'])
    await trading.call(
      'am-mandates',
      'mandates',
      step === 'resume' ? 'mandate:grant' : 'mandate:revoke',
      post(`/mandates/${other}/${step}`, { reason: 'Review' }),
    );
  await trading.call('ha-mandates', 'mandates', 'mandate:read', get('/mandates'));
  await trading.call('ha-mandates', 'mandates', 'mandate:read', get(`/mandates/${mandate}`));
  await refused(trading.call('clr-mandates', 'mandates', 'mandate:read', get(`/mandates/${other}`)));
  const order = trading.order(mandate);
  const ask = (intent: unknown, of: string) =>
    post(`/mandates/${of}/validity`, { intent, acting_for: leis.arranger, action: 'order:create' });
  await trading.call('ha-mandates', 'mandates', 'mandate:read', ask(order, mandate));
  const lei = parseLei(leis.arranger);
  if (!lei.ok) throw new Error(lei.detail);
  const grant = await controlPlane.components.consentStore.grants.give(
    {
      client: 'ha-oms' as never,
      subject: trading.firms.people.trader.id as never,
      institution: lei.value,
      scopes: ['openid', 'order:create'],
      details: [order],
      resources: [],
      acr: 'urn:countersign:acr:development',
      amr: [],
      authTime: Math.floor(Date.now() / 1000),
      expiresAt: new Date(Date.now() + 600_000).toISOString(),
    },
    { id: 'interaction/of-this-test', askedAt: Date.now() },
  );
  await trading.call('ha-mandates', 'mandates', 'mandate:read', get('/grants?status=active'));
  const revokeGrant = post(`/grants/${grant.id}/revoke`, { reason: 'No longer needed' });
  await trading.call('ha-mandates', 'mandates', 'mandate:revoke', revokeGrant);

  // An order with an approval, settled; one whose mandate ended after its execution.
  await operator.call('decisions', 'decision:evaluate', get('/decisions/policy'));
  const settled = claimsOf(await trading.traderToken(order));
  const transaction = String(settled['txn']);
  await trading.approve({ transaction, digest: String(settled['intent_digest']), by: 'supervisor' });
  await trading.carry(order, transaction, 'settled');
  await trading.transition('brk-orders', 'submit', transaction, `submit-${transaction}`);
  const { evidence: decided } = (await trading.evaluate(transaction)).context;
  await refused(trading.transition('brk-orders', 'submit', transaction, 'another-key'));
  await trading.call('brk-orders', 'transactions', 'order:read', get(`/transactions/${transaction}`));
  const lapsed = trading.order(other);
  const ended = String(claimsOf(await trading.traderToken(lapsed))['txn']);
  await trading.carry(lapsed, ended, 'executed');
  await trading.revoke(other);
  await refused(trading.transition('clr-core', 'clear', ended, 'clear-lapsed', { cleared_qty: lapsed.max_qty }));
  await trading.call('ha-mandates', 'mandates', 'mandate:read', ask(lapsed, other));
  await trading.call('clr-core', 'transactions', 'settlement:read', get('/transactions/exceptions?status=open'));

  await useMandates(other, mandate);
  await useTransactions(transaction, ended, mandate);
  await useEvents();
  await useSignals();
  await useTimeStamps();
  await useCertificates(controlPlane, 'service:feed');
  await useSecrets(controlPlane, trading, mandate, leased);
  await useHalts(controlPlane);
  await useWorkloads(controlPlane, attester, 'service:feed');
  await useDepartures();
  await usePeople(controlPlane, trading.firms.people.supervisor.id);

  // Policies: decisions, replays and explanations; a change that is simulated, rejected, approved, rolled back.
  const policies = async (scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>): Promise<unknown> =>
    operator.call('policies', scope, request);
  await policies('policy:read', post('/policies/replay', { record: decided }));
  await policies('policy:read', get(`/policies/decisions/${decided}`));
  await refused(policies('policy:read', get('/policies/decisions/rec_x')));
  const shipped = await readBundleFolder(shippedPolicies);
  const bundle = {
    ...shipped,
    rates: { ...shipped.rates, 'CHF/EUR': '1.15' },
    applications: [researchPortal],
  };
  await policies('policy:propose', post('/policies/validate', { bundle }));
  await refused(policies('policy:propose', post('/policies/validate', { bundle: { ...bundle, schema: 'no schema' } })));
  const { id: simulation } = (await policies('policy:read', post('/policies/simulations', { bundle }))) as {
    readonly id: string;
  };
  await vi.waitFor(
    async () =>
      expect(await policies('policy:read', get(`/policies/simulations/${simulation}`))).toMatchObject({
        status: 'done',
      }),
    { timeout: 60_000, interval: 200 },
  );
  const candidate = async (changeRequest: string): Promise<{ readonly id: string; readonly digest: string }> =>
    (await policies(
      'policy:propose',
      post('/policies/candidates', { bundle, changeRequest, reason: 'The franc is dearer', simulation }),
    )) as { id: string; digest: string };
  const unwanted = await candidate('CHG-1');
  await decide(`/policies/candidates/${unwanted.id}/reject`, { reason: 'Not this week' });
  const wanted = await candidate('CHG-2');
  await policies('policy:read', get('/policies/candidates?status=proposed'));
  await policies('policy:read', get(`/policies/candidates/${wanted.id}`));
  await refused(decide(`/policies/candidates/${wanted.id}/approve`, { digest: unwanted.digest }));
  await decide(`/policies/candidates/${wanted.id}/approve`, { digest: wanted.digest });
  await useApplication();
  await policies('policy:rollback', post('/policies/rollback', { changeRequest: 'INC-1', reason: 'Too dear' }));
  for (const path of ['', '/active', '/2']) await policies('policy:read', get(`/policies${path}`));
  await refused(policies('policy:read', get('/policies/99')));

  // Evidence, the log, keys, revocations.
  const since = Buffer.from(await read('/log/checkpoint')).toString('base64url');
  await operator.call('evidence', 'audit:export', get(`/evidence/transactions/${transaction}?since=${since}`));
  await refused(operator.call('evidence', 'audit:export', get('/evidence/transactions/txn_x')));
  await operator.records();
  await useEvidence(transaction);
  const size = Number((await read('/log/checkpoint')).split('\n')[1]);
  await read(`/log/proof/inclusion/${size - 1}`);
  await read('/log/proof/inclusion/999999999');
  await read(`/log/proof/consistency?from=1&to=${size}`);
  await read('/log/keys.json');
  const tile = size >= 256 ? '000' : `000.p/${size}`;
  await read(`/log/tile/0/${tile}`);
  await operator.call('evidence', 'audit:read', { ...get(`/log/tile/entries/${tile}`), binary: true });
  const { keys } = (await operator.call('keys', 'key:rotate', get('/keys'))) as {
    keys: readonly { readonly purpose: string; readonly kid: string }[];
  };
  await operator.call('keys', 'key:rotate', post('/keys/id-token/rotate'));
  await operator.call('keys', 'key:rotate', post('/keys/log-checkpoint/rotate'));
  const ofTheLog = keys.find(({ purpose }) => purpose === 'log-checkpoint')?.kid ?? '';
  await refused(operator.call('keys', 'key:revoke', post(`/keys/log-checkpoint/${ofTheLog}/withdraw`, {})));
  const lost = keys.find(({ purpose }) => purpose === 'transaction-token')?.kid ?? '';
  await operator.call('keys', 'key:revoke', post(`/keys/transaction-token/${lost}/withdraw`, { reason: 'Lost' }));
  const revocation = { kind: 'client', id: 'ha-approvals', reason: 'Its key is lost' };
  const placed = (await operator.call('revocations', 'token:revoke', post('/revocations', revocation))) as {
    revocation: string;
  };
  await operator.call('revocations', 'revocation:read', get('/revocations/standing?limit=10'));
  await bySecond('revocation:lift', `/revocations/${placed.revocation}/lift`, { reason: 'It was found' });

  await useRetention(transaction);
  await useErasures();
}

const read = async (path: string): Promise<string> => (await fetch(controlPlane.issuer + path)).text();
const refused = async (act: Promise<unknown>): Promise<void> => {
  await expect(act).rejects.toHaveProperty('code');
};

/** As the second person of the operator. */
async function bySecond(scope: string, path: string, body: unknown): Promise<unknown> {
  return controlPlane.operator.second.call(path.split('/')[1] ?? '', scope, post(path, body));
}

/** As compliance of the operator. */
async function asCompliance(path: string, body: unknown): Promise<unknown> {
  const { issuer } = controlPlane;
  const key = importSigningKey(JSON.parse(readFileSync(join(folder.path, 'compliance.jwk'), 'utf8')));
  const command = { issuer, clientId: 'countersign-compliance', key };
  const client = createClient(command);
  const asked = { resource: `${issuer}/directory`, scope: 'compliance:record' };
  const token = await tokenInDevelopment(client, command, asked);
  return client.callOrThrow(token, { method: 'POST', url: issuer + path, body });
}

const get = (path: string) => ({ method: 'GET' as const, path });
const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

/** Amendments, versions, copies; and validity at a time. */
async function useMandates(ended: MandateId, mandate: MandateId): Promise<void> {
  const at = (client: 'am-mandates' | 'ha-mandates', scope: string, request: object) =>
    trading.call(client, 'mandates', scope, request as ReturnType<typeof get>);
  await fetch(`${controlPlane.issuer}/mandates/keys`);
  const amended = await trading.propose('am-mandates', mandateTerms());
  await trading.accept('ha-mandates', amended);
  const amend = async (key: string): Promise<string> => {
    const change = { constraints: { ...mandateTerms().constraints, venues: ['XEUR', 'XETR'] } };
    const answer = await at('am-mandates', 'mandate:grant', {
      ...post(`/mandates/${amended}/amendments`, change),
      idempotencyKey: key,
    });
    return (answer as { amendment: { termsDigest: string } }).amendment.termsDigest;
  };
  await amend('amend-1');
  await at(
    'ha-mandates',
    'mandate:revoke',
    post(`/mandates/${amended}/amendments/withdraw`, { reason: 'Not this venue' }),
  );
  const termsDigest = await amend('amend-2');
  await at('ha-mandates', 'mandate:grant', post(`/mandates/${amended}/amendments/accept`, { termsDigest }));
  await at('ha-mandates', 'mandate:read', get(`/mandates/${amended}/versions`));
  for (const id of [mandate, ended]) {
    const asked = { intent: trading.order(id), acting_for: leis.arranger };
    await at('ha-mandates', 'mandate:read', post(`/mandates/${id}/validate`, asked));
  }
  const copies = [{ id: ended, version: 1, digest: 'A'.repeat(43) }];
  await at('ha-mandates', 'mandate:read', post('/mandates/compare', { copies, complete: true }));
}

/** A person's work on transactions: views, approvals of several, a withdrawal of one, an exception. */
async function useTransactions(settled: string, lapsed: string, mandate: MandateId): Promise<void> {
  const { issuer } = controlPlane;
  const { supervisor } = trading.firms.people;
  await fetch(`${issuer}/transactions/keys`);
  await trading.call('brk-orders', 'transactions', 'order:read', get(`/transactions/${settled}/history`));
  await trading.call('brk-orders', 'transactions', 'order:read', get(`/transactions/${settled}/envelope`));

  const intended = claimsOf(await trading.traderToken(trading.order(mandate)));
  const item = { transaction: String(intended['txn']), intentDigest: String(intended['intent_digest']) };
  await trading.call(
    'ha-approvals',
    'transactions',
    'order:approve',
    get(`/transactions/${item.transaction}/approval`),
  );
  const jws = await signBatchApproval(
    { approver: supervisor.id, items: [item], lifeSeconds: 600 },
    supervisor.approvalKey,
  );
  const given = await trading.call(
    'ha-approvals',
    'transactions',
    'order:approve',
    post('/transactions/approvals', { jws }),
  );
  const [approval] = (given as { approvals: readonly { id: string }[] }).approvals;
  const byPerson = async (scope: string, path: string, body: unknown): Promise<unknown> => {
    const client = trading.firms.client('ha-control');
    const assertion = await trading.assertion({}, supervisor.subject);
    const token = await client.jwtBearer(assertion, { resource: `${issuer}/transactions`, scope });
    return client.callOrThrow(token, { method: 'POST', url: issuer + path, body });
  };
  await byPerson('order:approve', `/transactions/${item.transaction}/approvals/${approval?.id}/withdraw`, {});
  const { exceptions } = (await trading.call(
    'clr-core',
    'transactions',
    'settlement:read',
    get(`/transactions/exceptions?transaction=${lapsed}`),
  )) as { exceptions: readonly { id: string }[] };
  const resolution = { kind: 'abandoned', reason: 'The mandate is not renewed' };
  await byPerson('exception:resolve', `/transactions/exceptions/${exceptions[0]?.id}/resolution`, resolution);
}

/** A small application model, whose entities the broker's software writes. */
const researchPortal: ApplicationModel = {
  namespace: 'Portal',
  types: { reader: { entity: 'Reader' } },
  clients: { ask: [], write: ['brk-orders'] },
  schema:
    'namespace Portal { entity Reader { sectors: Set<String> }; action meet appliesTo { principal: [Reader], resource: [Reader], context: {} }; }',
  policies: [{ file: 'all.cedar', text: '@id("all") permit (principal, action, resource);' }],
  entities: [],
  tests: [
    {
      file: 'all.json',
      content: {
        tests: [
          {
            name: 'anybody meets',
            principal: 'Portal::Reader::"ada"',
            action: 'meet',
            resource: 'Portal::Reader::"ben"',
            expect: { decision: 'permit' },
          },
        ],
      },
    },
  ],
};

/** An application entity, from its creation to its removal. */
async function useApplication(): Promise<void> {
  const call = (request: object) =>
    trading.call('brk-orders', 'decisions', 'application:write', request as ReturnType<typeof get>);
  const entities = '/decisions/applications/Portal/entities';
  const ada = `${entities}/Reader/ada`;
  await call({ method: 'PUT', path: ada, body: { attrs: { sectors: ['energy'] } } });
  await call(get(entities));
  await call(get(ada));
  await refused(call({ method: 'PUT', path: ada, body: { attrs: {} } }));
  await call({ method: 'DELETE', path: ada });
  await refused(call(get(ada)));
}

/** Pages, the stream, and a webhook that is never reached. */
async function useEvents(): Promise<void> {
  const call = (scope: string, request: object) =>
    trading.call('ha-events', 'events', scope, request as ReturnType<typeof get>);
  await fetch(`${controlPlane.issuer}/events/keys`);
  const { position } = (await call('event:read', get('/events?limit=2'))) as { position: string };
  await call('event:read', get(`/events/stream?after=${position}`)).catch(() => undefined);
  const subscribed = await call(
    'event:subscribe',
    post('/events/subscriptions', { url: 'https://hooks.example/countersign', topics: ['mandate'] }),
  );
  const { id } = subscribed as { id: string };
  await call('event:subscribe', get('/events/subscriptions'));
  await call('event:subscribe', post(`/events/subscriptions/${id}/resume`));
  await call('event:subscribe', { method: 'DELETE', path: `/events/subscriptions/${id}` });
}

/** A stream of security events, from its creation to its end. */
async function useSignals(): Promise<void> {
  await read('/.well-known/ssf-configuration');
  await read('/signals/keys');
  const call = (request: object) =>
    trading.call('ha-events', 'signals', 'signal:subscribe', request as ReturnType<typeof get>);
  const { stream_id } = (await call(post('/signals/streams'))) as { stream_id: string };
  const ofStream = `stream_id=${stream_id}`;
  await call(get('/signals/streams'));
  await call(get(`/signals/streams?${ofStream}`));
  await refused(call(get('/signals/streams?stream_id=another')));
  for (const method of ['PATCH', 'PUT'])
    await call({ method, path: '/signals/streams', body: { stream_id, description: 'Sessions of the desk' } });
  await call(get(`/signals/status?${ofStream}`));
  for (const status of ['paused', 'enabled']) await call(post('/signals/status', { stream_id, status }));
  const subject = { format: 'opaque', id: trading.firms.people.trader.id };
  for (const path of ['remove', 'add']) await call(post(`/signals/subjects/${path}`, { stream_id, subject }));
  await call(post('/signals/verification', { stream_id, state: 'hello' }));
  await refused(call(post('/signals/verification', { stream_id })));
  await call(post(`/signals/poll/${stream_id}`, { returnImmediately: true }));
  await call({ method: 'DELETE', path: `/signals/streams?${ofStream}` });
}

/** RFC 3161: the request is DER, of a SHA-256 digest. */
async function useTimeStamps(): Promise<void> {
  const query = Buffer.concat([
    Buffer.from('30390201013031300d060960864801650304020105000420', 'hex'),
    Buffer.alloc(32, 7),
    Buffer.from('0101ff', 'hex'),
  ]);
  const ask = async (type: string) =>
    fetch(`${controlPlane.issuer}/timestamps`, { method: 'POST', headers: { 'content-type': type }, body: query });
  await ask('application/timestamp-query');
  await ask('application/octet-stream');
  await read('/timestamps/certificate');
  await read('/timestamps/certificates');
}

/** Records, their schemas, the chain of authority, and complete exports. */
async function useEvidence(transaction: string): Promise<void> {
  const { operator } = controlPlane;
  const evidence = (scope: string, path: string) => operator.call('evidence', scope, get(path));
  await read('/evidence/schemas');
  await read('/evidence/schemas/token.issued');
  await read('/evidence/schemas/no.such');
  const { trader } = trading.firms.people;
  await evidence('audit:read', `/evidence/records?person=${trader.id}&type=token.issued,session.started&limit=3`);
  const some = `/evidence/records?transaction=${transaction}&disclose=/data/intent,/address`;
  await evidence('audit:read audit:disclose', `${some}&purpose=Review`);
  await refused(evidence('audit:read audit:disclose', some));
  await refused(evidence('audit:read', `${some}&purpose=Review`));
  await refused(evidence('audit:read', '/evidence/records?from=yesterday'));
  await evidence('audit:read', `/evidence/transactions/${transaction}/graph`);
  await evidence('audit:read', `/evidence/transactions/${transaction}/graph.svg`);
  for (const format of ['jsonl', 'csv', 'html', 'ocsf'])
    await evidence('audit:export', `/evidence/export?format=${format}&transaction=${transaction}`);
}

/** The retention schedule, and a hold. */
async function useRetention(transaction: string): Promise<void> {
  const { operator } = controlPlane;
  const retention = (scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>) =>
    operator.call('retention', scope, request);
  await retention('retention:read', get('/retention'));
  const change = { kind: 'schedule', presets: ['sec-17a-4', 'mifir-25'], years: { transaction: 7, authority: 7 } };
  const propose = async (wanted: object): Promise<{ readonly id: string; readonly digest: string }> => {
    const { id: simulation } = (await retention(
      'retention:propose',
      post('/retention/simulations', { change: wanted }),
    )) as { id: string };
    const proposal = { simulation, reason: 'As the law asks' };
    return (await retention('retention:propose', post('/retention/proposals', proposal))) as {
      id: string;
      digest: string;
    };
  };
  await refused(propose({ ...change, years: { transaction: 1 } }));
  const unwanted = await propose({ kind: 'pruning', class: 'access' });
  await bySecond('retention:approve', `/retention/proposals/${unwanted.id}/reject`, { reason: 'Not this week' });
  const { id, digest } = await propose(change);
  await retention('retention:read', get('/retention/proposals?status=proposed'));
  await retention('retention:read', get(`/retention/proposals/${id}`));
  await refused(bySecond('retention:approve', `/retention/proposals/${id}/approve`, { digest: unwanted.digest }));
  await bySecond('retention:approve', `/retention/proposals/${id}/approve`, { digest });
  await retention('retention:read', get('/retention/proposals'));

  const hold = { scope: { transaction }, matter: 'Court of Frankfurt, 3-05 O 17/26' };
  const placed = (await retention('legalhold:place', post('/retention/holds', hold))) as { id: string };
  await refused(retention('legalhold:place', post('/retention/holds', { ...hold, scope: {} })));
  await retention('retention:read', get('/retention/holds?active=true'));
  await bySecond('legalhold:release', `/retention/holds/${placed.id}/release`, { reason: 'Settled' });
  await retention('retention:read', get('/retention/holds'));
}

/** Years later, when erasure is possible: the same installation with another clock. */
async function useErasures(): Promise<void> {
  const clock = { now: () => Date.now() + 8 * 365 * 86_400_000 };
  await controlPlane.stop();
  controlPlane = await runControlPlane(configuration, { clock });
  const retention = (scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>) =>
    controlPlane.operator.call('retention', scope, request);
  const subject = trading.firms.people.trader.id;
  await retention('retention:read', get(`/retention/erasures/keys?subject=${subject}`));
  const propose = async (): Promise<{ readonly id: string; readonly digest: string }> =>
    (await retention('erasure:propose', post('/retention/erasures', { subject, reason: 'Asked for it' }))) as {
      id: string;
      digest: string;
    };
  const unwanted = await propose();
  await bySecond('erasure:approve', `/retention/erasures/${unwanted.id}/reject`, { reason: 'Not yet' });
  const { id, digest } = await propose();
  await retention('retention:read', get('/retention/erasures'));
  await retention('retention:read', get(`/retention/erasures/${id}`));
  await refused(bySecond('erasure:approve', `/retention/erasures/${id}/approve`, { digest: 'A'.repeat(43) }));
  await bySecond('erasure:approve', `/retention/erasures/${id}/approve`, { digest });
}

/** Somebody moves, and leaves. */
async function useDepartures(): Promise<void> {
  const { operator } = controlPlane;
  const { id } = trading.firms.people.colleague;
  const path = `/directory/principals/${id}`;
  await operator.call('directory', 'directory:read', get(path));
  await operator.call('directory', 'directory:apply', post(`${path}/move`, { roles: ['sales'], reason: 'New task' }));
  await operator.call('directory', 'directory:apply', post(`${path}/leave`, { reason: 'Retires' }));
  await operator.call('directory', 'directory:read', get('/directory/departures'));
}
