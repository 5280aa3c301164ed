import type { AuditLogDependencies } from '@countersign/audit-log';
import type { Authentication, DepartureEffect, Directory, ProposalEnder } from '@countersign/contracts';
import type { PartnerKeys } from '@countersign/federation-gateway';
import {
  type CertificateKeyPurpose,
  type ComponentKeyPurpose,
  createKeyRecords,
  type KeyRecords,
  type Signers,
  type TokenKeyPurpose,
} from '../keys/index.ts';
import { type CertificateParts, startCertificateAuthority } from './certificate-authority.ts';
import { type DecisionParts, startDecisions } from './decisions.ts';
import { departureEffects } from './departure-effects.ts';
import { type DirectoryParts, startDirectory } from './directory.ts';
import { type EmergencyParts, startEmergencies } from './emergencies.ts';
import { type GatewayParts, startGateway } from './gateway.ts';
import type { Ground } from './ground.ts';
import { type KeepingParts, startKeeping } from './keeping.ts';
import { type LogParts, startLog } from './log.ts';
import { type OutgoingParts, startOutgoing } from './outgoing.ts';
import { type PeopleParts, startPeople } from './people.ts';
import { type SecretParts, startSecretsComponent } from './secrets.ts';
import type { Seen } from './seen.ts';
import { openCertificateSigners, openSigners, openTokenSigners } from './signers.ts';
import { startTokens, type TokenParts } from './tokens.ts';
import { startWorkloadIdentity, type WorkloadParts } from './workload-identity.ts';

/** Every group has the signing keys of its components and their records. */
interface Keys<Purpose extends keyof Signers> {
  readonly signers: Pick<Signers, Purpose>;
  readonly keyRecords: KeyRecords;
}

export type Evidence = LogParts & KeepingParts & Keys<'log-checkpoint' | 'time-stamp'>;
export type Core = DirectoryParts & DecisionParts & Keys<'policy-bundle' | 'mandate' | 'envelope'>;
/** The components that call external addresses. */
export type Egress = GatewayParts & OutgoingParts & Keys<'event' | 'security-event'>;
export type Certificates = CertificateParts &
  WorkloadParts &
  Keys<CertificateKeyPurpose | 'workload-token'> & {
    /** Ends the proposals of a person about certificates and about registered workloads. */
    readonly proposals: ProposalEnder;
  };
/** Leased credentials and the key broker. It has no signing keys of its own. */
export type Secrets = SecretParts;
/** Sign-in and tokens, for people and their clients. */
export type Edge = PeopleParts & TokenParts & EmergencyParts & Keys<TokenKeyPurpose>;

export async function startEvidence(
  ground: Ground,
  seen: Pick<Seen, 'authenticators' | 'exchangeWith'> & { readonly directory: Pick<Directory, 'snapshotAtLeast'> },
  { unfitRecords }: Pick<AuditLogDependencies, 'unfitRecords'>,
): Promise<Evidence> {
  const log = await startLog(ground, { ...seen, unfitRecords });
  const keys = await openKeys(ground, log, ['time-stamp']);
  // In software, the log's key is known with the log. In a token, its attributes are recorded.
  for (const key of await log.logKeys.publicKeys('log-checkpoint'))
    if (key.place.driver !== 'software') await keys.keyRecords.published(key, ground.installation);
  const keeping = startKeeping(ground, { ...log, ...seen, ...keys });
  return { ...log, ...keeping, ...keys, signers: { 'log-checkpoint': log.logKeys, ...keys.signers } };
}

/** Authority that other processes end when a person leaves or changes role. */
export interface RemoteDepartures extends Pick<Seen, 'tokens'> {
  readonly authentication: Pick<Authentication, 'endAllOf'>;
  /** Ends the person's retention proposals. */
  readonly retention: ProposalEnder;
  /** Ends the person's proposals about certificate authorities and profiles. */
  readonly authorities: ProposalEnder;
  /** Ends the person's proposals about roles, secrets and keys of venues. */
  readonly secretProposals: ProposalEnder;
  /** The effects on authenticators, devices, recoveries, certificates and leases. */
  readonly effects: readonly DepartureEffect[];
}

export async function startCore(
  ground: Ground,
  seen: Pick<Seen, 'auditLog' | 'authenticators' | 'devices' | 'signals'>,
  remote: RemoteDepartures,
): Promise<Core> {
  // The directory starts before the components that end a departed person's authority, so the effects are set later.
  let effects: readonly DepartureEffect[] = [];
  const parties = await startDirectory(ground, seen, () => effects);
  const keys = await openKeys(ground, seen, ['policy-bundle', 'mandate', 'envelope']);
  const decisions = await startDecisions(ground, { ...seen, ...parties, ...keys });
  const { policyEngine, transactionRegistry: transactions } = decisions;
  effects = departureEffects({
    ...remote,
    transactions,
    proposals: [
      policyEngine.versions,
      decisions.halt,
      parties.directory,
      remote.retention,
      remote.authorities,
      remote.secretProposals,
    ],
    others: remote.effects,
  });
  return { ...parties, ...decisions, ...keys };
}

export async function startEgress(
  ground: Ground,
  seen: Pick<Seen, 'auditLog' | 'directory' | 'trustRegistry' | 'transactions' | 'outbound' | 'exchangeWith'> & {
    readonly partnerKeys: PartnerKeys;
  },
): Promise<Egress> {
  const keys = await openKeys(ground, seen, ['event', 'security-event']);
  const gateway = startGateway(ground, seen);
  const outgoing = startOutgoing(ground, { ...seen, ...keys });
  return { ...gateway, ...outgoing, ...keys };
}

export async function startCertificates(
  ground: Ground,
  seen: Pick<Seen, 'auditLog' | 'authenticators' | 'exchangeWith'> & {
    readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
    readonly policyEngine: Pick<Seen['policyEngine'], 'decide'>;
  },
): Promise<Certificates> {
  const keyRecords = createKeyRecords({ audit: seen.auditLog, ...ground.common });
  const signers = {
    ...(await openCertificateSigners(ground, keyRecords)),
    ...(await openSigners(ground, keyRecords, ['workload-token'])),
  };
  const { certificateAuthority } = startCertificateAuthority(ground, { ...seen, signers });
  const { workloadIdentity } = startWorkloadIdentity(ground, { ...seen, certificateAuthority, signers });
  const proposals: ProposalEnder = {
    async endProposalsOf(proposer, of) {
      let ended = 0;
      for (const each of [certificateAuthority, workloadIdentity]) ended += await each.endProposalsOf(proposer, of);
      return ended;
    },
  };
  return { certificateAuthority, workloadIdentity, proposals, signers, keyRecords };
}

export async function startSecrets(
  ground: Ground,
  seen: Parameters<typeof startSecretsComponent>[1],
): Promise<Secrets> {
  return startSecretsComponent(ground, seen);
}

export async function startEdge(
  ground: Ground,
  seen: Omit<Seen, 'tokens' | 'devices' | 'signals' | 'authentication' | 'authenticators' | 'statements' | 'guard'> & {
    readonly partnerKeys: PartnerKeys;
  },
): Promise<Edge> {
  const keyRecords = createKeyRecords({ audit: seen.auditLog, ...ground.common });
  const signers = await openTokenSigners(ground, keyRecords);
  // A lockout also revokes the person's tokens. The sign-in starts before the token server, which is set later.
  let tokenServer: Pick<Edge['authorizationServer'], 'revoke'> | undefined;
  const revoke: Seen['tokens']['revoke'] = async (...asked) => tokenServer?.revoke(...asked);
  const people = await startPeople(ground, { ...seen, signers, tokens: { revoke } });
  const tokens = await startTokens(ground, { ...seen, ...people, signers });
  tokenServer = tokens.authorizationServer;
  const emergencies = startEmergencies(ground, { ...seen, ...people, ...tokens });
  return { ...people, ...tokens, ...emergencies, signers, keyRecords };
}

async function openKeys<Purpose extends ComponentKeyPurpose>(
  ground: Ground,
  { auditLog: audit }: Pick<Seen, 'auditLog'>,
  purposes: readonly Purpose[],
): Promise<{ readonly signers: Pick<Signers, Purpose>; readonly keyRecords: KeyRecords }> {
  const keyRecords = createKeyRecords({ audit, ...ground.common });
  return { signers: await openSigners(ground, keyRecords, purposes), keyRecords };
}
