import { setTimeout as sleep } from 'node:timers/promises';
import { createPagedStreamer, createRecordPages } from '@countersign/audit-log';
import { createSignalsReplica } from '@countersign/authentication';
import { deviceErrors, directoryErrors, type PersonSignals } from '@countersign/contracts';
import { createPosturesReplica } from '@countersign/devices';
import { createDirectoryReplica, type DirectoryReplica } from '@countersign/directory';
import { type Clock, systemClock } from '@countersign/kernel';
import { createDetailTypesReplica } from '@countersign/policy-engine';
import {
  closeGently,
  createHttpServer,
  createLifecycle,
  createLogger,
  createMetrics,
  drain,
  type Logger,
} from '@countersign/runtime';
import { createPeer, type Offered, type Peer, passOn, wireErrors } from '@countersign/wire';
import type { FastifyInstance } from 'fastify';
import { callsOutside, partnerKeysOf } from '../components/gateway.ts';
import { createGround, type Ground } from '../components/ground.ts';
import { startCore, startEdge, startEgress, startEvidence } from '../components/groups.ts';
import type { Seen } from '../components/seen.ts';
import { migratedComponents } from '../components.ts';
import type { Configuration } from '../configuration.ts';
import { openControlPlaneDatabase } from '../database.ts';
import { inviteFounders } from '../founders.ts';
import { evidencePageRoute } from '../front-page/evidence-page.ts';
import { frontPageElsewhere, frontPageRoutes } from '../front-page/http.ts';
import {
  type InterfaceOptions,
  mountCoreInterfaces,
  mountEdgeInterfaces,
  mountEgressInterfaces,
  mountEvidenceInterfaces,
  mountKeys,
} from '../interfaces.ts';
import { listerOf } from '../key-routes.ts';
import { type Listener, listenersOf } from '../listeners.ts';
import { answersWithin, described, listenOn, requireFree } from '../listening.ts';
import { directorySeed } from '../own-interfaces.ts';
import {
  mountApproverPages,
  mountAuthorizationServer,
  mountCertificatePages,
  mountHealth,
  mountPeoplePages,
} from '../routes.ts';
import { mayAsk, mayCall } from './callers.ts';
import { doorsElsewhere } from './doors.ts';
import { accessBy, type Elsewhere, elsewhereAt, guardsElsewhere, requestsElsewhere } from './elsewhere.ts';
import { type ProcessGroup, processGroups } from './groups.ts';
import { createProcessListener } from './listener.ts';
import { openOwnIdentity } from './own-identity.ts';
import { createRefusedCalls } from './refused-calls.ts';

/** The configuration of a process that has the components of one group. */
export type GroupConfiguration = Configuration & { readonly process: NonNullable<Configuration['process']> };

export function isOfGroup(configuration: Configuration): configuration is GroupConfiguration {
  return configuration.process !== undefined;
}

/** A process of a split installation that answers. */
export interface RunningProcess {
  readonly group: ProcessGroup;
  /** The issuer, for the process that faces the internet; otherwise where the others call it. */
  readonly address: string;
  readonly notes: readonly string[];
  drain(): void;
  stop(): Promise<void>;
}

/** What a group is made of, once its components run. */
interface Started {
  readonly offered: Offered;
  /** Its doors for clients, on each of edge's listeners. */
  readonly mount: (app: FastifyInstance, options: InterfaceOptions, listener: Listener['name']) => void;
  readonly guard: InterfaceOptions['guard'];
  readonly checkHealth: () => Promise<unknown>;
  readonly notes?: readonly string[];
}

interface Surroundings {
  readonly ground: Ground;
  readonly elsewhere: Elsewhere;
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Ends the wait for others when the start is given up. */
  readonly signal: AbortSignal | undefined;
}

/** Whom a process must have before its components can start. */
const needed: Readonly<Record<ProcessGroup, readonly ProcessGroup[]>> = {
  evidence: [],
  core: ['evidence'],
  egress: ['evidence', 'core'],
  edge: ['evidence', 'core'],
};

const startWithinMs = 120_000;

/**
 * Starts the components of one group, and answers the processes that have the others.
 *
 * @throws CodedError `configuration_invalid`, `process_certificate_expired`, `database_not_migrated`, `peer_unavailable` when a process that is needed does not come within
 *   two minutes; what {@link startControlPlane} throws
 */
export async function startProcess(
  configuration: GroupConfiguration,
  options: {
    readonly onProgress?: (message: string) => void;
    readonly logger?: Logger;
    readonly clock?: Clock;
    readonly signal?: AbortSignal;
  } = {},
): Promise<RunningProcess> {
  const { process: own } = configuration;
  const { group } = own;
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createLogger({ level: configuration.logLevel, name: `countersign ${group}` });
  const onProgress = options.onProgress ?? (() => undefined);
  const lifecycle = createLifecycle({ logger, signal: options.signal });
  const metrics = createMetrics();
  const identity = openOwnIdentity({ references: own, group, clock, logger, metrics });
  await requireFree(own.listen);
  const listeners = listenersOf(configuration);
  for (const listener of listeners) await requireFree(listener);
  let stopping = false;
  const apps: FastifyInstance[] = [];

  try {
    const database = await openControlPlaneDatabase({
      configuration,
      components: migratedComponents,
      lifecycle,
      logger,
      onProgress,
    });
    const peers = new Map<ProcessGroup, Peer>();
    for (const name of processGroups) {
      const addresses = own.peers[name];
      if (name === group || addresses === undefined) continue;
      const peer = createPeer({ name, addresses, identity: identity.current(), logger });
      lifecycle.started({ name: `connections to ${name}`, stop: () => peer.stop() });
      peers.set(name, peer);
    }
    for (const name of needed[group]) {
      onProgress(`Waiting for ${name}`);
      await untilReady(peers.get(name), options.signal);
    }
    onProgress(`Starting ${group}`);
    const ground = createGround({ configuration, database, lifecycle, logger, metrics, clock });
    const elsewhere = elsewhereAt(peers);
    const started = await starters[group]({ ground, elsewhere, configuration, logger, clock, signal: options.signal });

    const openapi = described(configuration);
    const optionsFor = ({ baseUrl }: Pick<Listener, 'baseUrl'>): InterfaceOptions => ({
      guard: started.guard,
      configuration,
      baseUrl,
      clock,
      openapi,
    });
    const isReady = async (): Promise<boolean> =>
      !stopping &&
      clock.now() <= identity.endsAt() &&
      (await answersWithin(started.checkHealth(), 2_000)) &&
      (await allReady(needed[group], peers));
    const health = { metrics, ready: isReady, warnings: () => identity.warnings() };
    const audit = group === 'evidence' ? started.offered['audit-log'] : elsewhere('audit-log');
    if (audit === undefined) throw new Error('the evidence process does not offer its log');
    const refusedCalls = createRefusedCalls({ audit, at: group, ...ground.common });
    lifecycle.started({ name: 'records of refused calls', stop: () => refusedCalls.stop() });
    const listener = createProcessListener({
      identity: identity.current(),
      ...{ metrics, clock, logger, mayCall, mayAsk, health },
      offered: started.offered,
      onRefused: (refused) => refusedCalls.refuse(refused),
      doors: (own.doors ?? []).map(({ listener: name, baseUrl, zone }) => ({
        listener: { name, baseUrl, zone },
        mount: (app: FastifyInstance) => started.mount(app, optionsFor({ baseUrl }), name),
      })),
    });
    apps.push(listener.app);
    await listener.ready();
    lifecycle.started({
      name: 'calls of other processes',
      async stop() {
        await closeGently(listener.app);
        await listener.close();
      },
    });
    await listenOn(listener.app, own.listen);
    identity.follow((renewed) => {
      listener.renew(renewed);
      for (const peer of peers.values()) peer.renew(renewed);
    });
    lifecycle.started({ name: 'certificate of this process', stop: () => identity.stop() });

    // Edge answers clients there; of all others the address tells those who watch over processes how this one is.
    for (const listener of listeners) {
      const { name, tls, zone } = listener;
      const app = createHttpServer({ logger, metrics, clock, zone, ...(tls === undefined ? {} : { tls }) });
      apps.push(app);
      if (group === 'edge') started.mount(app, optionsFor(listener), name);
      for (const other of ['core', 'evidence', 'egress'] as const) {
        const peer = peers.get(other);
        if (group === 'edge' && peer !== undefined) passOn(app, { peer, paths: doorsElsewhere[other] }, name);
      }
      if (name === 'HTTP') mountHealth(app, health);
      lifecycle.started({ name, stop: () => closeGently(app) });
      await listenOn(app, listener);
    }
    return {
      group,
      address: group === 'edge' ? configuration.issuer : `https://${own.listen.host}:${own.listen.port}`,
      notes: [...database.notes, ...(started.notes ?? [])],
      drain() {
        stopping = true;
        for (const app of apps) drain(app);
      },
      async stop() {
        stopping = true;
        for (const app of apps) drain(app);
        await lifecycle.stop();
      },
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

const starters: Readonly<Record<ProcessGroup, (surroundings: Surroundings) => Promise<Started>>> = {
  async evidence({ ground, elsewhere, configuration, logger }) {
    // The log needs nobody, and everybody needs the log: who there is, it learns when somebody is to decide about what is kept.
    const copy = (): Promise<DirectoryReplica> =>
      directoryReplica({ ground, elsewhere, configuration }, evidence.auditLog);
    const evidence = await startEvidence(
      ground,
      {
        directory: { snapshotAtLeast: (version) => snapshotLater(version) },
        authenticators: elsewhere('authenticators'),
        exchangeWith: requestsElsewhere(elsewhere('configured-requests')),
      },
      { unfitRecords: undefined },
    );
    const directory = ground.started('directory', inBackground(copy, logger));
    const snapshotLater: DirectoryReplica['snapshotAtLeast'] = async (version) => {
      const replica = directory.now();
      if (replica === undefined)
        throw directoryErrors.error('directory_behind', 'The directory could not be read yet from the core process.');
      return replica.snapshotAtLeast(version);
    };
    const { parties } = elsewhere('transaction-registry');
    return {
      offered: {
        'audit-log': evidence.auditLog,
        'record-pages': ground.started(
          'pages of the log',
          createRecordPages({ log: evidence.auditLog, ...ground.common }),
        ),
        'retention-proposals': evidence.retention,
        'evidence-keys': listerOf(evidence.signers),
      },
      mount(app, options) {
        mountEvidenceInterfaces(app, { ...evidence, partiesOf: parties }, options);
        mountKeys(app, evidence, options);
      },
      guard: guardsElsewhere(configuration.issuer, elsewhere('access')),
      checkHealth: () => evidence.auditLog.checkHealth(),
    };
  },

  async core({ ground, elsewhere, configuration, logger, clock }) {
    const auditLog = seenLog(elsewhere);
    const signals = ground.started(
      'signals of people',
      await createSignalsReplica({ source: raisedAtEdge, log: auditLog, ...ground.common }),
    );
    // Whoever has the devices starts after this process: until then nothing is known of any, and what needs to know is refused.
    const postures = ground.started(
      'postures of devices',
      inBackground(
        () =>
          createPosturesReplica({
            source: elsewhere('postures'),
            log: auditLog,
            directory: { snapshot: () => core.directory.snapshot() },
            ...ground.common,
          }),
        logger,
      ),
    );
    const devices: Seen['devices'] = {
      postureOf(device) {
        const replica = postures.now();
        if (replica === undefined)
          throw deviceErrors.error('postures_behind', 'Nothing is known yet of the posture of devices.');
        return replica.postureOf(device);
      },
    };
    const core = await startCore(
      ground,
      { auditLog, authenticators: elsewhere('authenticators'), devices, signals },
      {
        retention: elsewhere('retention-proposals'),
        tokens: elsewhere('authorization-server'),
        authentication: elsewhere('authentication'),
        effects: [
          { name: 'authenticators', ...elsewhere('authenticators-departure') },
          { name: 'devices', ...elsewhere('devices-departure') },
          { name: 'recoveries', ...elsewhere('recovery-departure') },
        ],
      },
    );
    return {
      offered: {
        'core-keys': listerOf(core.signers),
        directory: core.directory,
        'trust-registry': core.trustRegistry,
        'consent-store': core.consentStore,
        grants: core.consentStore.grants,
        'policy-engine': core.policyEngine,
        'transaction-registry': core.transactionRegistry,
      },
      mount(app, options, listener) {
        mountCoreInterfaces(app, core, options);
        mountKeys(app, core, options);
        if (listener === 'HTTP')
          mountApproverPages(
            app,
            {
              ...core,
              authentication: elsewhere('authentication'),
              statements: elsewhere('statements'),
            },
            { configuration, clock, logger },
          );
      },
      guard: guardsElsewhere(configuration.issuer, elsewhere('access')),
      checkHealth: async () => core.directory.snapshot(),
    };
  },

  async egress({ ground, elsewhere, configuration }) {
    const auditLog = seenLog(elsewhere);
    const outside = callsOutside(ground);
    const directory = ground.started(
      'directory',
      await directoryReplica({ ground, elsewhere, configuration }, auditLog),
    );
    const seen = {
      ...outside,
      auditLog,
      directory,
      trustRegistry: elsewhere('trust-registry'),
      transactions: elsewhere('transaction-registry'),
    };
    const egress = await startEgress(ground, { ...seen, partnerKeys: partnerKeysOf(ground, seen) });
    return {
      offered: {
        'egress-keys': listerOf(egress.signers),
        'federation-gateway': egress.federationGateway,
        notices: egress.notices,
        outbound: outside.outbound,
        'configured-requests': {
          exchangeFor: (authorities, url, message) =>
            outside.exchangeWith(authorities ?? undefined).exchange(url, message),
          getFor: (authorities, url, limits) => outside.exchangeWith(authorities ?? undefined).get(url, limits),
        },
      },
      mount(app, options) {
        mountEgressInterfaces(app, { eventPublisher: egress.eventPublisher, securityEvents: egress.signals }, options);
        mountKeys(app, egress, options);
      },
      guard: guardsElsewhere(configuration.issuer, elsewhere('access')),
      checkHealth: async () => directory.snapshot(),
    };
  },

  async edge({ ground, elsewhere, configuration, logger, clock }) {
    const auditLog = seenLog(elsewhere);
    const directory = ground.started(
      'directory',
      await directoryReplica({ ground, elsewhere, configuration }, auditLog),
    );
    const outbound = elsewhere('outbound');
    const detailTypes = ground.started(
      'types of authorization details',
      await createDetailTypesReplica({ source: elsewhere('policy-engine'), ...ground.common }),
    );
    const seen = {
      auditLog,
      directory,
      outbound,
      trustRegistry: elsewhere('trust-registry'),
      consentStore: { ...elsewhere('consent-store'), grants: elsewhere('grants') },
      policyEngine: { ...elsewhere('policy-engine'), detailTypes: () => detailTypes.detailTypes() },
      transactions: elsewhere('transaction-registry'),
      federationGateway: elsewhere('federation-gateway'),
      notices: elsewhere('notices'),
      exchangeWith: requestsElsewhere(elsewhere('configured-requests')),
    };
    const edge = await startEdge(ground, { ...seen, partnerKeys: partnerKeysOf(ground, seen) });
    const { authentication, authorizationServer } = edge;
    const keysElsewhere = [elsewhere('core-keys'), elsewhere('evidence-keys'), elsewhere('egress-keys')];
    const { authenticators } = authentication;
    const parts = { ...seen, ...edge };
    return {
      offered: {
        authentication,
        authenticators,
        statements: authenticators,
        postures: edge.devices,
        'authorization-server': authorizationServer,
        access: accessBy((resource) => authorizationServer.guard(resource)),
        'authenticators-departure': authenticators.departureEffect,
        'devices-departure': edge.devices.departureEffect,
        'recovery-departure': edge.recovery.departureEffect,
      },
      mount(app, options, listener) {
        mountAuthorizationServer(app, parts, options);
        mountEdgeInterfaces(app, { ...parts, revocations: authorizationServer.revocations }, options);
        mountKeys(app, { ...edge, keysElsewhere }, options);
        if (listener === 'HTTP') {
          mountPeoplePages(app, parts, { configuration, clock, logger });
          frontPageRoutes(app, {
            configuration,
            evidencePath: evidencePageRoute(app, configuration),
            tryOutPath: undefined,
          });
        } else {
          mountCertificatePages(app, edge);
          frontPageElsewhere(app, configuration);
        }
      },
      guard: (name) => authorizationServer.guard(`${configuration.issuer}/${name}`),
      checkHealth: async () => directory.snapshot(),
      notes: await inviteFounders({ configuration, authenticators, by: ground.installation }),
    };
  },
};

/** Signals are read in core, from the log; they are raised where people sign in. */
const raisedAtEdge: Pick<PersonSignals, 'raise' | 'clear'> = {
  raise: () => Promise.reject(new Error('signals of people are raised at edge')),
  clear: () => Promise.reject(new Error('signals of people are cleared at edge')),
};

/** What a process that does not have the log sees of it. */
function seenLog(elsewhere: Elsewhere): Seen['auditLog'] {
  return { ...elsewhere('audit-log'), ...createPagedStreamer(elsewhere('record-pages')) };
}

function directoryReplica(
  { ground, elsewhere, configuration }: Pick<Surroundings, 'ground' | 'elsewhere' | 'configuration'>,
  log: Pick<Seen['auditLog'], 'append' | 'standings'>,
): Promise<DirectoryReplica> {
  return createDirectoryReplica({
    source: elsewhere('directory'),
    log,
    seed: directorySeed(configuration),
    ...ground.common,
  });
}

/** What needs a process that starts after this one: tried again until it can be made. */
function inBackground<Part extends { stop(): Promise<void> }>(make: () => Promise<Part>, logger: Logger) {
  const stopping = new AbortController();
  let part: Part | undefined;
  const made = (async () => {
    while (part === undefined && !stopping.signal.aborted)
      try {
        part = await make();
      } catch (error) {
        logger.debug({ error }, 'what another process has cannot be followed yet');
        await sleep(500, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    return part;
  })();
  return {
    now: () => part,
    /** Waits for it. */
    made,
    async stop() {
      stopping.abort();
      await (await made)?.stop();
    },
  };
}

async function untilReady(peer: Peer | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (peer === undefined) return;
  const deadline = performance.now() + startWithinMs;
  while (!(await peer.isReady())) {
    signal?.throwIfAborted();
    if (performance.now() >= deadline)
      throw wireErrors.error(
        'peer_unavailable',
        `The ${peer.name} process is not ready after ${startWithinMs / 1_000} seconds: look at its log, and at process.peers.${peer.name}.`,
      );
    await sleep(250, undefined, signal === undefined ? {} : { signal });
  }
}

async function allReady(names: readonly ProcessGroup[], peers: ReadonlyMap<ProcessGroup, Peer>): Promise<boolean> {
  const ready = await Promise.all(names.map(async (name) => (await peers.get(name)?.isReady()) ?? true));
  return !ready.includes(false);
}
