import { type Configuration, readConfiguration } from '@countersign/server';
import { configurationIn, runControlPlane } from './control-plane.ts';
import type { Key } from './credentials.ts';
import type { ClientName, RegisteredClients } from './differential-clients.ts';
import { type PersonBrowser, personBrowser } from './person-browser.ts';
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

/** One of the two servers, as the target of requests. */
export interface Side {
  readonly name: 'ours' | 'theirs';
  readonly issuer: string;
  readonly mtlsBase: string;
  url(endpoint: Endpoint, listener?: 'plain' | 'mtls'): string;
  /** With the certificate of a client, it uses the mutual TLS listener. */
  fetch(certificate?: 'issued' | 'selfSigned' | 'strange'): typeof fetch;
  browser(): PersonBrowser;
  /** A person signs in, and allows or refuses. @returns the URL to which the browser is sent in the end */
  decide(browser: PersonBrowser, url: string, decision: 'allow' | 'refuse'): Promise<URL>;
  key(client: ClientName): Key;
  /** A fresh order under a mandate in force. */
  order(change?: Readonly<Record<string, unknown>>): object;
}

/** Our server only: the real control plane, in this process, with a person, a mandate and the clients. */
export async function startOurSide(
  folder: string,
  options: {
    readonly clients: RegisteredClients;
    readonly certificates: Certificates;
    readonly requireNonce: boolean;
  },
): Promise<{ readonly side: Side; readonly trading: Trading; stop(): Promise<void> }> {
  const { clients, certificates, requireNonce } = options;
  const controlPlane = await runControlPlane(
    await withMutualTls(withNonce(await configurationIn(folder), requireNonce), certificates),
  );
  const trading = await openTrading(controlPlane);
  const { mandate } = await trading.grantMandates();
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: clients.directoryDocument(trading.firms, controlPlane.issuer),
  });
  return {
    trading,
    side: sideOf({
      name: 'ours',
      issuer: controlPlane.issuer,
      mtlsBase: controlPlane.mutualTlsAddress ?? '',
      clients,
      certificates,
      order: (change = {}) => trading.order(mandate, change),
      decide: (browser, url, decision) => browser.authorize(url, { person: personOf(trading), decision }),
    }),
    async stop() {
      await trading.stop();
      await controlPlane.stop();
    },
  };
}

export const personOf = (trading: Trading): string => trading.firms.people.trader.id;

function withNonce(configuration: Configuration, required: boolean): Configuration {
  return required ? readConfiguration({ ...configuration, dpopNonce: 'required' }) : configuration;
}

export function sideOf(
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
