import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLogger, type OwnerConnection } from '@countersign/runtime';
import { generateSigningKey } from '@countersign/sdk';
import { type CodeFlow, codeFlow } from './code-flow.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './control-plane.ts';
import type { Key } from './credentials.ts';
import type { ClientName, PersonName } from './firms.ts';
import { personBrowser } from './person-browser.ts';
import { type RawClient, rawClient } from './raw-client.ts';
import { type Certificates, createCertificates, registerRelyingParties, withMutualTls } from './relying-parties.ts';
import { scratchFolder } from './scratch-folder.ts';
import { openTrading, type Trading } from './trading.ts';

type PartyName = Parameters<Awaited<ReturnType<typeof registerRelyingParties>>['keyOf']>[0];

/** A control plane with every kind of caller, each as a client that can be made to send invalid requests. */
export interface AuthorizationWorld {
  readonly controlPlane: RunningControlPlane;
  readonly issuer: string;
  readonly trading: Trading;
  readonly certificates: Certificates;
  readonly mandate: Awaited<ReturnType<Trading['grantMandates']>>['mandate'];
  /** Software of people, by name. The same object for each call. */
  party(name: PartyName): RawClient;
  /** Software of firms, by name. The same object for each call. */
  firm(name: ClientName): RawClient;
  /** A client that this test registers itself. */
  own(name: string): RawClient;
  /** The code flow in a browser of its own. */
  flow(client: RawClient, person?: PersonName): CodeFlow;
  /** Every log line so far, at any level. */
  logged(): string;
  /** How many records of this type name the client. */
  recorded(client: RawClient, ...types: readonly string[]): Promise<number>;
  stop(): Promise<void>;
}

export interface WorldOptions {
  /** A database of its own; the embedded one by default. */
  readonly database?: OwnerConnection;
}

/** @param own further clients of the arranger, as registration documents; each gets a key */
export async function openAuthorizationWorld(
  own: (issuer: string) => Readonly<Record<string, Readonly<Record<string, unknown>>>> = () => ({}),
  options: WorldOptions = {},
): Promise<AuthorizationWorld> {
  const folder = scratchFolder();
  const logFile = join(folder.path, 'log');
  const certificates = createCertificates();
  const configuration = await withMutualTls(await configurationIn(folder.path, options), certificates);
  const { issuer } = configuration;
  const controlPlane = await runControlPlane(configuration, {
    logger: createLogger({ level: 'trace', name: 'test', to: logFile }),
  });
  const trading = await openTrading(controlPlane);
  const keys = new Map<string, Key>();
  const registrations = Object.fromEntries(
    Object.entries(own(issuer)).map(([name, registration]) => {
      const key = generateSigningKey();
      keys.set(name, key);
      return [name, { jwks: { keys: [{ ...key.publicJwk, kid: key.kid }] }, ...registration }];
    }),
  );
  const parties = await registerRelyingParties(controlPlane, trading, certificates, registrations);
  const { mandate } = await trading.grantMandates();
  const clients = new Map<string, RawClient>();

  function clientOf(id: string, key: () => Key): RawClient {
    const known = clients.get(id) ?? rawClient({ issuer, id, key: key(), proves: id !== 'dashboard' });
    clients.set(id, known);
    return known;
  }
  return {
    controlPlane,
    issuer,
    trading,
    certificates,
    mandate,
    party: (name) => clientOf(name, () => parties.keyOf(name)),
    firm: (name) => clientOf(name, () => trading.firms.key(name)),
    own(name) {
      const key = keys.get(name);
      if (key === undefined) throw new Error(`${name} was not registered`);
      return clientOf(name, () => key);
    },
    flow: (client, person = 'trader') =>
      codeFlow({ issuer, client, browser: personBrowser(issuer), person: trading.firms.people[person].id }),
    logged: () => readFileSync(logFile, 'utf8'),
    async recorded({ id }, ...types) {
      const counts = await Promise.all(
        types.map(async (type) => (await controlPlane.operator.records({ type })).filter((r) => r.client === id)),
      );
      return counts.flat().length;
    },
    async stop() {
      await trading.stop();
      await controlPlane.stop();
      folder.remove();
    },
  };
}
