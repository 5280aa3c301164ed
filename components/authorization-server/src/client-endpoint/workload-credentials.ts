import {
  type AuditLog,
  type Client,
  certificateThing,
  type KeyLister,
  recordIdOfCommand,
  refusedWorkloadThing,
  supersededWorkloadThing,
  suspendedWorkloadThing,
} from '@countersign/contracts';
import { membersOf, parseId, sha256Base64Url } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import {
  parseSpiffeId,
  principalOfSpiffeId,
  readWorkloadExtension,
  spiffeErrors,
  verifyJwtSvid,
  type WorkloadStatement,
  workloadExtension,
} from '@countersign/spiffe';
import { readX509Certificate } from '@countersign/x509';
import { refuse } from '../refusal.ts';

/** The assertion type of JWT-SVIDs (draft-ietf-oauth-spiffe-client-auth). */
export const jwtSvidAssertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-spiffe';

/** A JWT-SVID that authenticated a client. Counts only after the caller claims its `jti`. */
export interface WorkloadAssertion {
  readonly statement: WorkloadStatement;
  readonly jti: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** What our own attestation says about the software behind a credential. */
export interface WorkloadCredentials {
  /**
   * The attested workload of a client certificate. Believed only if the log has the issue of exactly this certificate to the principal of
   * the client.
   *
   * @returns undefined for a certificate of somebody else, or without an attestation
   * @throws CodedError `log_unavailable`
   */
  ofCertificate(der: Uint8Array, client: Client): Promise<WorkloadStatement | undefined>;
  /** @param now milliseconds since the epoch. @throws CodedError `invalid_client`; `log_unavailable` */
  ofToken(token: string, client: Client, now: number): Promise<WorkloadAssertion>;
  /**
   * Requires that the attestation is the last word about this software on its machine, under terms that are still in force.
   *
   * @throws CodedError `invalid_client` when the workload is suspended, was refused since, or its entry changed; `log_unavailable`
   */
  requireActive(statement: WorkloadStatement): Promise<void>;
}

/** @param dependencies.workloadKeys keys of JWT-SVIDs; without it, JWT-SVIDs authenticate nobody */
export function createWorkloadCredentials({
  audit,
  issuer,
  workloadKeys,
}: {
  readonly audit: Pick<AuditLog, 'find' | 'standings'>;
  readonly issuer: string;
  readonly workloadKeys: KeyLister | undefined;
}): WorkloadCredentials {
  const trustDomain = new URL(issuer).hostname;
  const cache = createKeyCache({ maxKeys: 64 });
  let known: Awaited<ReturnType<KeyLister['listKeys']>> = [];
  let readAt = Number.NEGATIVE_INFINITY;

  /** Read again after ten seconds, so that a withdrawn key is not accepted for longer. */
  async function keysAt(now: number) {
    if (now - readAt >= 10_000 || now < readAt) {
      known = (await workloadKeys?.listKeys())?.filter(({ purpose }) => purpose === 'workload-token') ?? [];
      readAt = now;
    }
    return known.map(({ kid, jwk }) => ({ kid, key: cache.import(jwk) }));
  }

  return {
    async ofCertificate(der, client) {
      const certificate = readX509Certificate(der);
      const extension = certificate.extensions.get(workloadExtension);
      if (extension === undefined) return undefined;
      const serial = Buffer.from(certificate.serial)
        .toString('hex')
        .replace(/^00(?=.{32}$)/, '');
      const entry = await audit.find(recordIdOfCommand({ first: certificateThing(serial) }));
      const data = entry?.record.type === 'certificate.issued' ? membersOf(entry.record.data) : undefined;
      if (data?.['tbs_digest'] !== sha256Base64Url(certificate.toBeSigned) || data['holder'] !== client.principal)
        return undefined;
      try {
        return readWorkloadExtension(extension.value);
      } catch (error) {
        if (spiffeErrors.is(error, 'workload_extension_malformed')) return undefined;
        throw error;
      }
    },
    async ofToken(token, client, now) {
      const expected = { trustDomain, audience: issuer, keys: await keysAt(now), now };
      const svid = await verifyJwtSvid(token, expected).catch((error: unknown) => {
        if (spiffeErrors.is(error, 'jwt_svid_invalid')) throw refuse('jwt_svid_invalid', error.detail);
        throw error;
      });
      // Another audience could present a token that it got, before its workload does.
      if (svid.audiences.length !== 1)
        throw refuse('jwt_svid_invalid', 'The JWT-SVID has several audiences. Obtain one for the issuer alone.');
      const { authentication } = client;
      const isRegistered =
        authentication.method === 'tls_client_auth' &&
        authentication.name.kind === 'san_uri' &&
        authentication.name.value === svid.spiffeId;
      if (!isRegistered || principalOfSpiffeId(parseSpiffeId(svid.spiffeId)) !== client.principal)
        throw refuse(
          'jwt_svid_invalid',
          'The JWT-SVID is of another workload than the one that the client is registered for.',
        );
      if (svid.jti === undefined || svid.statement === undefined)
        throw refuse('jwt_svid_invalid', 'The JWT-SVID has no jti, or no statement about the workload.');
      return { statement: svid.statement, jti: svid.jti, expiresAt: svid.expiresAt };
    },
    async requireActive({ entry, image, configuration, record }: WorkloadStatement): Promise<void> {
      const id = parseId('record', record);
      const attested = id === undefined ? undefined : await audit.find(id);
      const attester = attested?.record.type === 'workload.attested' ? attested.record.subject?.id : undefined;
      if (attested === undefined || attester === undefined)
        throw refuse('workload_unattested', `The attestation of the workload ${entry} is not in the log.`);
      const suspended = suspendedWorkloadThing(entry);
      const superseded = supersededWorkloadThing(entry, { image, configuration });
      const refused = refusedWorkloadThing(entry, attester);
      const found = await audit.standings([suspended, superseded, refused]);
      if (found.get(suspended)?.digest !== undefined)
        throw refuse(
          'workload_suspended',
          `The workload ${entry} is suspended. Two people must approve its entry again.`,
        );
      if (found.get(superseded)?.digest !== undefined)
        throw refuse(
          'workload_terms_changed',
          `The entry of the workload ${entry} no longer permits this image and configuration. Have it attested again.`,
        );
      const refusedAt = found.get(refused)?.index;
      if (refusedAt !== undefined && attested.index < refusedAt)
        throw refuse(
          'workload_refused',
          `Another image, configuration or environment of the workload ${entry} was found on its machine. Have it attested again.`,
        );
    },
  };
}
