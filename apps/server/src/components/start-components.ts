import type { AuditLogDependencies } from '@countersign/audit-log';
import type {
  Authentication,
  AuthenticatorRegister,
  AuthorizationServer,
  DepartureEffect,
  Directory,
} from '@countersign/contracts';
import { listerOf, type Signers } from '../keys/index.ts';
import { callsOutside, partnerKeysOf } from './gateway.ts';
import { createGround, type ProcessParts } from './ground.ts';
import {
  type Certificates,
  type Core,
  type Edge,
  type Egress,
  type Evidence,
  type Secrets,
  startCertificates,
  startCore,
  startEdge,
  startEgress,
  startEvidence,
  startSecrets,
} from './groups.ts';
import { startKeyAgeReminders } from './key-ages.ts';
import { later } from './later.ts';
import type { Seen } from './seen.ts';

/** The components of one process, joined by their contracts. */
export interface Components
  extends Omit<Evidence, 'signers'>,
    Omit<Core, 'signers'>,
    Omit<Egress, 'signers' | 'signals'>,
    Omit<Edge, 'signers'>,
    Omit<Certificates, 'signers' | 'proposals'>,
    Secrets {
  readonly signers: Signers;
  readonly securityEvents: Egress['signals'];
}

/** Starts all components in this process in the order of their dependencies: evidence, core, egress, edge, the certificate authority and secrets. */
export async function startComponents({
  unfitRecords,
  ...given
}: ProcessParts & Pick<AuditLogDependencies, 'unfitRecords'>): Promise<Components> {
  const ground = await createGround(given);
  const outside = callsOutside(ground);
  // Methods that components started earlier call later.
  const directory = later<Directory, 'snapshotAtLeast'>(['snapshotAtLeast']);
  const authenticators = later<AuthenticatorRegister, 'of' | 'isLocked' | 'invitersOf'>([
    'of',
    'isLocked',
    'invitersOf',
  ]);
  const authentication = later<Authentication, 'endAllOf'>(['endAllOf']);
  const tokens = later<AuthorizationServer, 'revoke'>(['revoke']);
  let edge: Edge | undefined;
  let certificates: Certificates | undefined;
  const certifying = (): Certificates => {
    if (certificates === undefined) throw new Error('somebody left before there was a certificate authority');
    return certificates;
  };
  let secrets: Secrets['secrets'] | undefined;
  const leasing = (): Secrets['secrets'] => {
    if (secrets === undefined) throw new Error('somebody left before credentials could be leased');
    return secrets;
  };
  const started = (): Edge => {
    if (edge === undefined) throw new Error('a person or a device was asked about before there was anybody to know');
    return edge;
  };
  const departing = (name: string, effect: (edge: Edge) => DepartureEffect): DepartureEffect => ({
    name,
    end: async (departure) => effect(started()).end(departure),
  });
  const uncertified = (name: string, effect: (parts: Certificates) => DepartureEffect): DepartureEffect => ({
    name,
    end: async (departure) => effect(certifying()).end(departure),
  });

  const evidence = await startEvidence(
    ground,
    { ...outside, directory: directory.seen, authenticators: authenticators.seen },
    { unfitRecords },
  );
  const core = await startCore(
    ground,
    {
      ...evidence,
      authenticators: authenticators.seen,
      devices: { postureOf: (device) => started().devices.postureOf(device) },
      signals: { of: (person) => started().risk.of(person) },
    },
    {
      retention: evidence.retention,
      authorities: { endProposalsOf: async (...asked) => certifying().proposals.endProposalsOf(...asked) },
      secretProposals: { endProposalsOf: async (...asked) => leasing().endProposalsOf(...asked) },
      tokens: tokens.seen,
      authentication: authentication.seen,
      effects: [
        departing('authenticators', ({ authentication }) => authentication.authenticators.departureEffect),
        departing('devices', ({ devices }) => devices.departureEffect),
        departing('recoveries', ({ recovery }) => recovery.departureEffect),
        // An agent must not obtain another certificate once the certificates have ended.
        uncertified('workloads', ({ workloadIdentity }) => workloadIdentity.departureEffect),
        uncertified('enrolments', ({ certificateAuthority }) => certificateAuthority.enrolments.departureEffect),
        uncertified('certificates', ({ certificateAuthority }) => certificateAuthority.departureEffect),
        { name: 'leases', end: async (departure) => leasing().departureEffect.end(departure) },
      ],
    },
  );
  directory.is(core.directory);
  const seen = { ...outside, ...evidence, ...core, transactions: core.transactionRegistry };
  const partnerKeys = partnerKeysOf(ground, seen);
  const { signals: securityEvents, ...egress } = await startEgress(ground, { ...seen, partnerKeys });
  const workloadKeys: Seen['workloadKeys'] = {
    async listKeys() {
      if (certificates === undefined) return [];
      const keys = await certificates.signers['workload-token'].publicKeys('workload-token');
      return keys.map((key) => ({ ...key, place: { driver: key.place.driver } }));
    },
  };
  edge = await startEdge(ground, { ...seen, ...egress, partnerKeys, workloadKeys });
  authenticators.is(edge.authentication.authenticators);
  authentication.is(edge.authentication);
  tokens.is(edge.authorizationServer);
  certificates = await startCertificates(ground, { ...seen, authenticators: authenticators.seen });
  secrets = (await startSecrets(ground, { ...seen, ...egress, ...edge, authenticators: authenticators.seen })).secrets;

  const signers = {
    ...evidence.signers,
    ...core.signers,
    ...egress.signers,
    ...edge.signers,
    ...certificates.signers,
  };
  startKeyAgeReminders(ground, egress, [listerOf(signers)]);
  const { certificateAuthority, workloadIdentity } = certificates;
  return {
    ...evidence,
    ...core,
    ...egress,
    ...edge,
    ...{ certificateAuthority, workloadIdentity, keyRecords: certificates.keyRecords },
    ...{ secrets, securityEvents, signers },
  };
}
