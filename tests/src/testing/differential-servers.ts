import { type Configuration, readConfiguration } from '@countersign/server';
import { configurationIn, type RunningControlPlane, runControlPlane } from './control-plane.ts';
import type { Key } from './credentials.ts';
import { type ClientName, type RegisteredClients, registerClients } from './differential-clients.ts';
import { startProvider } from './differential-provider.ts';
import { formOf, type PersonBrowser, personBrowser } from './person-browser.ts';
import { type Certificates, createCertificates, fetchWith, withMutualTls } from './relying-parties.ts';
import { openTrading, type Trading } from './trading.ts';

export const endpointPaths = {
  authorize: '/authorize',
  par: '/par',
  token: '/token',
  introspect: '/introspect',
  revoke: '/revoke',
  userinfo: '/userinfo',
  jwks: '/jwks',
} as const;
export type Endpoint = keyof typeof endpointPaths;

/** One of the two servers, as requests are sent to it. */
export interface Side {
  readonly name: 'ours' | 'theirs';
  readonly issuer: string;
  readonly mtlsBase: string;
  url(endpoint: Endpoint, listener?: 'plain' | 'mtls'): string;
  /** With the certificate of a client on the listener for mutual TLS; without one otherwise. */
  fetch(certificate?: 'issued' | 'selfSigned' | 'strange'): typeof fetch;
  browser(): PersonBrowser;
  /** A person signs in, and allows or refuses. @returns where the browser is sent in the end */
  decide(browser: PersonBrowser, url: string, decision: 'allow' | 'refuse'): Promise<URL>;
  key(client: ClientName): Key;
  /** A fresh order under a mandate that stands. */
  order(change?: Readonly<Record<string, unknown>>): object;
}

export interface Sides {
  readonly ours: Side;
  readonly theirs: Side;
  /** Faults of the other server; a case that causes one compares nothing. */
  readonly faults: readonly Error[];
  stop(): Promise<void>;
}

/** Starts both servers, with the same clients and the same interfaces. */
export async function startSides(folder: string, options: { readonly requireNonce: boolean }): Promise<Sides> {
  const certificates = createCertificates();
  const clients = registerClients(certificates);
  const configuration = await withMutualTls(
    withNonce(await configurationIn(folder), options.requireNonce),
    certificates,
  );
  const controlPlane = await runControlPlane(configuration);
  const trading = await openTrading(controlPlane);
  const { mandate } = await trading.grantMandates();
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: clients.directoryDocument(trading.firms, controlPlane.issuer),
  });
  const provider = await startProvider({ clients, certificates, ...options });
  const order: Side['order'] = (change = {}) => trading.order(mandate, change);
  return {
    ours: sideOf({
      name: 'ours',
      issuer: controlPlane.issuer,
      mtlsBase: controlPlane.mutualTlsAddress ?? '',
      clients,
      certificates,
      order,
      decide: (browser, url, decision) => browser.authorize(url, { person: personOf(trading), decision }),
    }),
    theirs: sideOf({
      name: 'theirs',
      issuer: provider.issuer,
      mtlsBase: provider.mtlsBase,
      clients,
      certificates,
      order,
      decide: (browser, url, decision) => decideThere(browser, url, personOf(trading), decision),
    }),
    faults: provider.faults,
    stop: () => stopAll(controlPlane, trading, provider),
  };
}

const personOf = (trading: Trading): string => trading.firms.people.trader.id;

function withNonce(configuration: Configuration, required: boolean): Configuration {
  return required ? readConfiguration({ ...configuration, dpopNonce: 'required' }) : configuration;
}

async function stopAll(
  controlPlane: RunningControlPlane,
  trading: Trading,
  provider: { stop(): Promise<void> },
): Promise<void> {
  await provider.stop();
  await trading.stop();
  await controlPlane.stop();
}

function sideOf(
  of: Pick<Side, 'name' | 'issuer' | 'mtlsBase' | 'order' | 'decide'> & {
    readonly clients: RegisteredClients;
    readonly certificates: Certificates;
  },
): Side {
  const { name, issuer, mtlsBase, clients, certificates, order, decide } = of;
  const own = {
    issued: certificates.issued,
    selfSigned: certificates.selfSigned,
    strange: createCertificates().issued,
  };
  const fetches = new Map<string, typeof fetch>();
  return {
    name,
    issuer,
    mtlsBase,
    order,
    decide,
    url: (endpoint, listener = 'plain') => (listener === 'mtls' ? mtlsBase : issuer) + endpointPaths[endpoint],
    fetch(certificate) {
      const known = fetches.get(certificate ?? '');
      if (known !== undefined) return known;
      const made = fetchWith(certificates, certificate === undefined ? undefined : own[certificate]);
      fetches.set(certificate ?? '', made);
      return made;
    },
    browser: () => personBrowser(issuer),
    key: (client) => clients.key(client),
  };
}

/** The pages of the other server: one to sign in, one to consent, and a link to refuse. */
async function decideThere(
  browser: PersonBrowser,
  url: string,
  person: string,
  decision: 'allow' | 'refuse',
): Promise<URL> {
  let page = await browser.open(url);
  for (let step = 0; page.leaves === undefined && step < 4; step++) {
    const form = formOf({ ...page, body: page.body.replaceAll('"/>', '">') });
    if (form.fields['prompt'] === 'login') page = await browser.submit(form, { login: person, password: '-' });
    else if (decision === 'refuse') page = await browser.open(`${form.action.href}/abort`);
    else page = await browser.submit(form);
  }
  if (page.leaves === undefined) throw new Error(`the browser stays at ${page.url.pathname}`);
  return page.leaves;
}
