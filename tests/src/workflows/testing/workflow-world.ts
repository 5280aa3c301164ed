import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { TransactionException, TransitionReceipt } from '@countersign/contracts';
import type { MandateId } from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import {
  type CallRequest,
  type Client,
  createClient,
  createTransport,
  signApproval,
  stepOf,
  type Token,
  type TokenRequest,
  type Transport,
} from '@countersign/sdk';
import { freePort, startTestServer } from '@countersign/testkit';
import {
  configurationIn,
  type LogRecord,
  type RunningControlPlane,
  runControlPlane,
} from '../../testing/control-plane.ts';
import { type ClientName, doors, type PersonName } from '../../testing/firms.ts';
import { startIdentityProvider } from '../../testing/identity-provider.ts';
import { scratchFolder } from '../../testing/scratch-folder.ts';
import { claimsOf, openTrading, type Trading } from '../../testing/trading.ts';
import { createIntents, type Intents } from './intents.ts';
import { createMandates, type Mandates } from './mandates.ts';
import { createStaff, type Person, type ProgrammeName, type Staff, type StaffName, screenedAt } from './staff.ts';
import { type SteeredClock, steeredClock } from './steered-clock.ts';

export type PersonOf = StaffName | PersonName;
export type ProgrammeOf = ProgrammeName | ClientName;
/** A person at the software of their firm, or software by itself. */
export type Who = PersonOf | ProgrammeOf;

export interface Call extends Omit<CallRequest, 'url'> {
  readonly path: string;
  /** Which of our interfaces; `transactions` by default. */
  readonly door?: string;
  /** The index of the node. */
  readonly node?: number;
}

/** The dependencies of the parts of a world. */
export interface Calling {
  readonly clock: SteeredClock;
  /** With a token of its own for this scope. @throws the refusal */
  call(by: Who, scope: string, request: Call): Promise<unknown>;
}

export interface Begun {
  readonly detail: AuthorizationDetail;
  readonly transaction: string;
  readonly digest: string;
  readonly token: Token;
  /** The holder of the token. */
  readonly client: Client;
}

export interface Step {
  /** The scope of the token requested for the step. */
  readonly scope: string;
  readonly body?: Readonly<Record<string, unknown>>;
  readonly key?: string;
  readonly node?: number;
}

/** Six firms with staff, a control plane over HTTP, and their actions, each through the public interface. */
export interface WorkflowWorld extends Calling {
  readonly nodes: readonly RunningControlPlane[];
  readonly controlPlane: RunningControlPlane;
  readonly issuer: string;
  /** The address of each node. */
  readonly addresses: readonly string[];
  readonly trading: Trading;
  readonly staff: Staff;
  readonly intents: Intents;
  readonly mandates: Mandates;
  person(name: PersonOf): Person;
  software(name: ProgrammeOf, node?: number): Client;
  /** A token for one of our interfaces or, with an intent, for the first of its locations. */
  tokenFor(by: Who, request: Omit<TokenRequest, 'resource'> & { readonly resource?: string }): Promise<Token>;
  /** Opens an intent's transaction by requesting a token for it. @throws the refusal */
  begin(by: Who, scope: string, detail: AuthorizationDetail, node?: number): Promise<Begun>;
  step(by: Who, event: string, transaction: string, step: Step): Promise<TransitionReceipt>;
  /** The same with the token that was issued for the intent itself. */
  carry(begun: Begun, event: string, step?: Omit<Step, 'scope' | 'node'>): Promise<TransitionReceipt>;
  /** Signs as the person, and submits the approval as the software of their firm. @throws the refusal */
  approve(
    by: PersonOf,
    of: Pick<Begun, 'transaction' | 'digest'>,
    how?: { readonly scope?: string; readonly signedAgoSeconds?: number; readonly lifeSeconds?: number },
  ): Promise<{ readonly id: string }>;
  exceptions(by: Who, transaction: string): Promise<readonly TransactionException[]>;
  resolve(by: Who, exception: string, resolution: Readonly<Record<string, unknown>>): Promise<TransactionException>;
  /** The records of one transaction, oldest first. */
  recordsOf(transaction: string, type?: string): Promise<readonly LogRecord[]>;
  /** Advances the clock; earlier screenings are renewed. */
  pass(seconds: number): Promise<void>;
  stop(): Promise<void>;
}

/** @param regions of the nodes, one for each; a single node without a region by default */
export async function openWorkflowWorld(
  regions: readonly (string | undefined)[] = [undefined],
): Promise<WorkflowWorld> {
  const folder = scratchFolder();
  const clock = steeredClock();
  const database = regions.length > 1 ? await startTestServer() : undefined;
  const configuration = await configurationIn(
    folder.path,
    database === undefined ? {} : { database: database.connection },
  );
  const { issuer } = configuration;
  const nodes: RunningControlPlane[] = [];
  const addresses: string[] = [];
  for (const [index, region] of regions.entries()) {
    const port = index === 0 ? configuration.listen.port : await freePort();
    addresses.push(index === 0 ? issuer : `http://127.0.0.1:${port}`);
    const listen = { ...configuration.listen, port };
    const publication = { headGuardFolder: join(folder.path, `log-head-${index}`) };
    nodes.push(
      await runControlPlane(
        { ...configuration, listen, publication, ...(region === undefined ? {} : { region }) },
        { clock },
      ),
    );
  }
  const [controlPlane] = nodes;
  if (controlPlane === undefined) throw new Error('a world without a control plane');

  const trading = await openTrading({ issuer, operator: controlPlane.operator, clientOptions: { clock } });
  const brokersProvider = await startIdentityProvider();
  const identityProviders = { arranger: trading.identityProvider, broker: brokersProvider };
  const staff = createStaff({
    issuer,
    identityProviders: { arranger: trading.identityProvider.issuer, broker: brokersProvider.issuer },
  });
  const apply = controlPlane.operator.apply;
  await apply(staff.directoryDocument());
  await controlPlane.operator.trust({
    ...trading.firms.trustProfile,
    institution: trading.firms.directoryDocument()['institutions']?.[2]?.['lei'],
    issuer: brokersProvider.issuer,
    jwks_uri: `${brokersProvider.issuer}/jwks`,
  });

  const people: Readonly<Record<PersonOf, Person>> = {
    ...(Object.fromEntries(
      Object.entries(trading.firms.people).map(([name, person]) => [name, { ...person, firm: 'arranger' }]),
    ) as Record<PersonName, Person>),
    ...staff.people,
  };
  const isPerson = (name: Who): name is PersonOf => Object.hasOwn(people, name);
  const isOurs = (name: ProgrammeOf): name is ProgrammeName =>
    staff.directoryDocument()['clients']?.some(({ id }) => id === name) === true;

  const clients = new Map<string, Client>();
  function software(name: ProgrammeOf, node = 0): Client {
    const known = clients.get(`${name} ${node}`);
    if (known !== undefined) return known;
    const key = isOurs(name) ? staff.key(name) : trading.firms.key(name);
    const transport = towards(issuer, addresses[node] ?? issuer);
    const client = createClient({ issuer, clientId: name, key, clock, transport });
    clients.set(`${name} ${node}`, client);
    return client;
  }

  /** The firm's software at which its people hold this scope. */
  function softwareOf({ firm }: Person, scope: string): ProgrammeOf {
    if (firm === 'broker') return 'brk-control';
    if (scope.split(' ').includes('order:create')) return 'ha-oms';
    return /^withdrawal(-address:(propose|revoke)|:request)$/.test(scope) ? 'ha-desk' : 'ha-control';
  }

  function assertionOf({ firm, subject }: Person): Promise<string> {
    const now = Math.floor(clock.now() / 1000);
    const provider = firm === 'broker' ? identityProviders.broker : identityProviders.arranger;
    // A sign-in with a hardware key.
    const claims = { iat: now, exp: now + 120, auth_time: now - 5, acr: 'phrh' };
    return provider.assertion(subject, issuer, { claims });
  }

  async function hold(by: Who, request: Omit<TokenRequest, 'resource'> & { readonly resource?: string }, node = 0) {
    const asked = { resource: `${issuer}/transactions`, ...request };
    if (!isPerson(by)) {
      const client = software(by, node);
      return { client, token: await client.clientCredentials(asked) };
    }
    const person = people[by];
    const client = software(softwareOf(person, asked.scope), node);
    return { client, token: await client.jwtBearer(await assertionOf(person), asked) };
  }

  const call: WorkflowWorld['call'] = async (by, scope, { path, door = 'transactions', node, ...request }) => {
    const { client, token } = await hold(by, { scope, resource: `${issuer}/${door}` }, node);
    return client.callOrThrow(token, { ...request, url: `${issuer}${path}` });
  };

  const world: WorkflowWorld = {
    clock,
    call,
    nodes,
    controlPlane,
    issuer,
    addresses,
    trading,
    staff,
    intents: createIntents(issuer),
    mandates: createMandates({ call }),
    person: (name) => people[name],
    software,
    tokenFor: async (by, request) => (await hold(by, request)).token,
    async begin(by, scope, detail, node) {
      const resource = detail.locations[0] ?? doors.broker;
      const { token, client } = await hold(by, { scope, resource, authorizationDetails: [detail] }, node);
      const claims = claimsOf(token);
      return { detail, token, client, transaction: String(claims['txn']), digest: String(claims['intent_digest']) };
    },
    async step(by, event, transaction, { scope, body = {}, key = randomUUID(), node }) {
      const { client, token } = await hold(
        by,
        { scope, authorizationDetails: [stepOf({ issuer, transaction, event })] },
        node,
      );
      return (await client.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/transactions/${transaction}/transitions`,
        idempotencyKey: key,
        body: { event, body },
      })) as TransitionReceipt;
    },
    async carry({ client, token, transaction }, event, { body = {}, key = randomUUID() } = {}) {
      return (await client.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/transactions/${transaction}/transitions`,
        idempotencyKey: key,
        body: { event, body },
      })) as TransitionReceipt;
    },
    async approve(by, { transaction, digest }, how = {}) {
      const { scope = 'order:approve', signedAgoSeconds = 0, lifeSeconds = 600 } = how;
      const { id, firm, approvalKey } = people[by];
      const jws = await signApproval({ approver: id, transaction, intentDigest: digest, lifeSeconds }, approvalKey, {
        clock: { now: () => clock.now() - signedAgoSeconds * 1000 },
      });
      const path = `/transactions/${transaction}/approvals`;
      return (await call(firm === 'custodian' ? 'cus-control' : 'ha-control', scope, {
        method: 'POST',
        path,
        body: { jws },
      })) as { readonly id: string };
    },
    async exceptions(by, transaction) {
      const path = `/transactions/exceptions?transaction=${transaction}`;
      const scope = isPerson(by) || by === 'ha-control' ? 'exception:read' : 'settlement:read';
      return ((await call(by, scope, { method: 'GET', path })) as { exceptions: readonly TransactionException[] })
        .exceptions;
    },
    async resolve(by, exception, body) {
      const path = `/transactions/exceptions/${exception}/resolution`;
      return (await call(by, 'exception:resolve', { method: 'POST', path, body })) as TransactionException;
    },
    recordsOf: (transaction, type) =>
      controlPlane.operator.records({ transaction, ...(type === undefined ? {} : { type }) }),
    async pass(seconds) {
      clock.pass(seconds);
      await controlPlane.operator.find(screenedAt(clock.now()));
    },
    async stop() {
      await trading.stop();
      await brokersProvider.stop();
      await Promise.all(nodes.map((node) => node.stop()));
      await database?.stop();
      folder.remove();
    },
  };
  return world;
}

/** A transport that routes requests for the issuer to one node. */
function towards(issuer: string, address: string): Transport {
  const transport = createTransport();
  return { send: (request) => transport.send({ ...request, url: request.url.replace(issuer, address) }) };
}

/** A mandate of the arranger, and the clearing firm's sub-mandate. */
export async function mandateLine(
  { mandates }: Pick<WorkflowWorld, 'mandates'>,
  until?: number,
): Promise<{ readonly mandate: MandateId; readonly cleared: MandateId }> {
  const ends = until === undefined ? {} : { until };
  const mandate = await mandates.grant({ from: 'assetManager', to: 'arranger', ...ends });
  const cleared = await mandates.grant({
    from: 'arranger',
    to: 'clearing',
    parent: mandate,
    constraints: { actions: ['settlement:instruct'], delegationDepth: 0 },
    ...ends,
  });
  return { mandate, cleared };
}
