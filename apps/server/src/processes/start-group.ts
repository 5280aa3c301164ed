import { setTimeout as sleep } from 'node:timers/promises';
import { createPagedStreamer, createRecordPages } from '@countersign/audit-log';
import { createSignalsReplica } from '@countersign/authentication';
import { deviceErrors, directoryErrors, type PersonSignals } from '@countersign/contracts';
import { createPosturesReplica } from '@countersign/devices';
import { createDirectoryReplica, type DirectoryReplica } from '@countersign/directory';
import type { Clock } from '@countersign/kernel';
import { createDetailTypesReplica } from '@countersign/policy-engine';
import type { Logger } from '@countersign/runtime';
import type { Offered } from '@countersign/wire';
import type { FastifyInstance } from 'fastify';
import {
  callsOutside,
  type Ground,
  inviteFounders,
  partnerKeysOf,
  type Seen,
  startCertificates,
  startCore,
  startEdge,
  startEgress,
  startEvidence,
  startKeyAgeReminders,
  startSecrets,
} from '../components/index.ts';
import { type Configuration, directorySeed, type Listener } from '../configuration/index.ts';
import { evidencePageRoute, frontPageRedirect, frontPageRoutes } from '../front-page/index.ts';
import {
  type InterfaceOptions,
  mountApproverPages,
  mountAuthorizationServer,
  mountCertificateInterfaces,
  mountCertificatePages,
  mountCoreInterfaces,
  mountEdgeInterfaces,
  mountEgressInterfaces,
  mountEvidenceInterfaces,
  mountKeys,
  mountPeoplePages,
  mountSecretInterfaces,
} from '../interfaces/index.ts';
import { listerOf } from '../keys/index.ts';
import type { ProcessGroup } from '../process-groups/index.ts';
import { accessBy, type RemoteLookup, remoteGuards, remoteRequests } from './remotes.ts';

/** The parts of a group once its components run. */
export interface StartedGroup {
  readonly offered: Offered;
  /** Mounts its interfaces for clients on each of edge's listeners. */
  readonly mount: (app: FastifyInstance, options: InterfaceOptions, listener: Listener['name']) => void;
  readonly guard: InterfaceOptions['guard'];
  readonly checkHealth: () => Promise<unknown>;
  readonly notes?: readonly string[];
}

export interface Surroundings {
  readonly ground: Ground;
  readonly remote: RemoteLookup;
  readonly configuration: Configuration;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborting stops waiting for other processes when the start is cancelled. */
  readonly signal: AbortSignal | undefined;
}

/** Starts the components of each group and connects them to the other processes by remote calls. */
export const startGroup: Readonly<Record<ProcessGroup, (surroundings: Surroundings) => Promise<StartedGroup>>> = {
  async evidence({ ground, remote, configuration, logger }) {
    // The log starts first, because every group depends on it. It loads the directory only when somebody decides about
    // retention.
    const copy = (): Promise<DirectoryReplica> =>
      directoryReplica({ ground, remote, configuration }, evidence.auditLog);
    const evidence = await startEvidence(
      ground,
      {
        directory: { snapshotAtLeast: (version) => snapshotLater(version) },
        authenticators: remote('authenticators'),
        exchangeWith: remoteRequests(remote('configured-requests')),
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
    const { parties } = remote('transaction-registry');
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
      guard: remoteGuards(configuration.issuer, remote('access')),
      checkHealth: () => evidence.auditLog.checkHealth(),
    };
  },

  async core({ ground, remote, configuration, logger, clock }) {
    const auditLog = seenLog(remote);
    const signals = ground.started(
      'signals of people',
      await createSignalsReplica({ source: raisedAtEdge, log: auditLog, ...ground.common }),
    );
    // The component with the devices starts after this process. Until then the posture is unknown, and requests that depend on
    // it are denied.
    const postures = ground.started(
      'postures of devices',
      inBackground(
        () =>
          createPosturesReplica({
            source: remote('postures'),
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
          throw deviceErrors.error('postures_behind', 'The posture of devices is not known yet.');
        return replica.postureOf(device);
      },
    };
    const core = await startCore(
      ground,
      { auditLog, authenticators: remote('authenticators'), devices, signals },
      {
        retention: remote('retention-proposals'),
        authorities: remote('authority-proposals'),
        secretProposals: remote('secret-proposals'),
        tokens: remote('authorization-server'),
        authentication: remote('authentication'),
        effects: [
          { name: 'authenticators', ...remote('authenticators-departure') },
          { name: 'devices', ...remote('devices-departure') },
          { name: 'recoveries', ...remote('recovery-departure') },
          { name: 'workloads', ...remote('workloads-departure') },
          { name: 'enrolments', ...remote('enrolments-departure') },
          { name: 'certificates', ...remote('certificates-departure') },
          { name: 'leases', ...remote('leases-departure') },
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
              authentication: remote('authentication'),
              statements: remote('statements'),
            },
            { configuration, clock, logger },
          );
      },
      guard: remoteGuards(configuration.issuer, remote('access')),
      checkHealth: async () => core.directory.snapshot(),
    };
  },

  async egress({ ground, remote, configuration }) {
    const auditLog = seenLog(remote);
    const outside = callsOutside(ground);
    const directory = ground.started('directory', await directoryReplica({ ground, remote, configuration }, auditLog));
    const seen = {
      ...outside,
      auditLog,
      directory,
      trustRegistry: remote('trust-registry'),
      transactions: remote('transaction-registry'),
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
      guard: remoteGuards(configuration.issuer, remote('access')),
      checkHealth: async () => directory.snapshot(),
    };
  },

  async 'certificate-authority'({ ground, remote, configuration }) {
    const auditLog = seenLog(remote);
    const directory = ground.started('directory', await directoryReplica({ ground, remote, configuration }, auditLog));
    const certificates = await startCertificates(ground, {
      ...{ auditLog, directory },
      authenticators: remote('authenticators'),
      policyEngine: remote('policy-engine'),
      exchangeWith: remoteRequests(remote('configured-requests')),
    });
    const { certificateAuthority, workloadIdentity, proposals } = certificates;
    return {
      offered: {
        'certificate-authority-keys': listerOf(certificates.signers),
        'authority-proposals': proposals,
        'workloads-departure': workloadIdentity.departureEffect,
        'enrolments-departure': certificateAuthority.enrolments.departureEffect,
        'certificates-departure': certificateAuthority.departureEffect,
      },
      mount(app, options) {
        mountCertificateInterfaces(app, { certificateAuthority, workloadIdentity, auditLog }, options);
        mountKeys(app, certificates, options);
      },
      guard: remoteGuards(configuration.issuer, remote('access')),
      checkHealth: async () => directory.snapshot(),
    };
  },

  async secrets({ ground, remote, configuration }) {
    const auditLog = seenLog(remote);
    const directory = ground.started('directory', await directoryReplica({ ground, remote, configuration }, auditLog));
    const { secrets } = await startSecrets(ground, {
      ...{ auditLog, directory },
      authenticators: remote('authenticators'),
      consentStore: remote('consent-store'),
      policyEngine: remote('policy-engine'),
      transactions: remote('transaction-registry'),
      notices: remote('notices'),
      exchangeWith: remoteRequests(remote('configured-requests')),
    });
    return {
      offered: { 'secret-proposals': secrets, 'leases-departure': secrets.departureEffect },
      mount: (app, options) => mountSecretInterfaces(app, { secrets }, options),
      guard: remoteGuards(configuration.issuer, remote('access')),
      checkHealth: async () => directory.snapshot(),
    };
  },

  async edge({ ground, remote, configuration, logger, clock }) {
    const auditLog = seenLog(remote);
    const directory = ground.started('directory', await directoryReplica({ ground, remote, configuration }, auditLog));
    const outbound = remote('outbound');
    const detailTypes = ground.started(
      'types of authorization details',
      await createDetailTypesReplica({ source: remote('policy-engine'), ...ground.common }),
    );
    const seen = {
      auditLog,
      directory,
      outbound,
      trustRegistry: remote('trust-registry'),
      consentStore: { ...remote('consent-store'), grants: remote('grants') },
      policyEngine: { ...remote('policy-engine'), detailTypes: () => detailTypes.detailTypes() },
      transactions: remote('transaction-registry'),
      federationGateway: remote('federation-gateway'),
      notices: remote('notices'),
      exchangeWith: remoteRequests(remote('configured-requests')),
      workloadKeys: remote('certificate-authority-keys'),
    };
    const edge = await startEdge(ground, { ...seen, partnerKeys: partnerKeysOf(ground, seen) });
    const { authentication, authorizationServer } = edge;
    const remoteKeys = [
      remote('core-keys'),
      remote('evidence-keys'),
      remote('egress-keys'),
      remote('certificate-authority-keys'),
    ];
    startKeyAgeReminders(ground, seen, remoteKeys);
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
        mountKeys(app, { ...edge, remoteKeys }, options);
        if (listener === 'HTTP') {
          mountPeoplePages(app, parts, { configuration, clock, logger });
          frontPageRoutes(app, {
            configuration,
            evidencePath: evidencePageRoute(app, configuration),
            tryOutPath: undefined,
          });
        } else {
          mountCertificatePages(app, edge);
          frontPageRedirect(app, configuration);
        }
      },
      guard: (name) => authorizationServer.guard(`${configuration.issuer}/${name}`),
      checkHealth: async () => [directory.snapshot(), detailTypes.detailTypes()],
      notes: await inviteFounders({ configuration, authenticators, by: ground.installation }),
    };
  },
};

/** Core reads risk signals from the log; the sign-in at edge raises them. */
const raisedAtEdge: Pick<PersonSignals, 'raise' | 'clear'> = {
  raise: () => Promise.reject(new Error('signals of people are raised at edge')),
  clear: () => Promise.reject(new Error('signals of people are cleared at edge')),
};

/** The log as seen by a process that does not have it. */
function seenLog(remote: RemoteLookup): Seen['auditLog'] {
  return { ...remote('audit-log'), ...createPagedStreamer(remote('record-pages')) };
}

function directoryReplica(
  { ground, remote, configuration }: Pick<Surroundings, 'ground' | 'remote' | 'configuration'>,
  log: Pick<Seen['auditLog'], 'append' | 'standings'>,
): Promise<DirectoryReplica> {
  return createDirectoryReplica({
    source: remote('directory'),
    log,
    seed: directorySeed(configuration),
    ...ground.common,
  });
}

/** Creates a part that depends on a process that starts later, and retries until it succeeds. */
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
    /** Waits until the part has been created. */
    made,
    async stop() {
      stopping.abort();
      await (await made)?.stop();
    },
  };
}
