import { certificateAuthorityErrors } from '@countersign/contracts';
import type { Authorities, LiveAuthority } from '../authorities.ts';
import { type CertificateState, type StoredCertificate, statusProfile } from '../certificate-state.ts';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import {
  answerOf,
  assemble,
  buildStatusCertificate,
  findLeafFault,
  isAbout,
  isSignedByAuthority,
  malformedAnswer,
  publicKeyOf,
  readStatus,
  type SingleStatus,
  unauthorizedAnswer,
} from '../forms.ts';
import type { CertificateCommands } from '../issuance/certificate-commands.ts';
import { statusLifetimeSeconds } from '../profiles.ts';
import { newestOf } from '../store.ts';

/** An OCSP response with the time until which caches may keep it. */
export interface StatusAnswer {
  /** DER of the OCSPResponse. */
  readonly response: Uint8Array;
  /** Milliseconds since the epoch; undefined for an answer that must not be cached. */
  readonly thisUpdate?: number;
  readonly nextUpdate?: number;
}

export interface Responder {
  /**
   * Answers a request (RFC 6960): DER, or the path of a GET. A malformed request gets the response `malformedRequest`.
   */
  answer(request: Uint8Array | string): Promise<StatusAnswer>;
  /** Issues the responder's certificate of each authority before the current one expires. */
  renew(): Promise<void>;
}

interface ResponderCertificate {
  readonly kid: string;
  readonly der: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly notAfter: number;
}

/** How long an answer is valid: an hour, or ten minutes for approvals, whose revocation must be seen quickly. */
const answerLifeMs = 3_600_000;
const approvalLifeMs = 600_000;

export function createResponder(
  dependencies: Pick<
    CertificateAuthorityDependencies,
    'pool' | 'audit' | 'signer' | 'clock' | 'installation' | 'organization'
  > & {
    readonly authorities: Authorities;
    readonly commands: CertificateCommands;
    readonly newSerial: () => string;
    /** Certificates of responders in use, by authority and key. */
    readonly signatureOf: (certificate: StoredCertificate) => Promise<Uint8Array>;
  },
): Responder {
  const { pool, signer, clock, installation, organization, authorities, commands, newSerial, signatureOf } =
    dependencies;
  const certificates = new Map<string, ResponderCertificate>();

  /** Concurrent requests share one issuance: anyone may ask, and each issuance is a record. */
  const issuing = new Map<string, Promise<ResponderCertificate>>();

  function certificateBy(authority: LiveAuthority): Promise<ResponderCertificate> {
    const found = issuing.get(authority.id) ?? findCertificate(authority).finally(() => issuing.delete(authority.id));
    issuing.set(authority.id, found);
    return found;
  }

  /** The responder's certificate by an authority. Issues one when none is valid for half of the possible time. */
  async function findCertificate(authority: LiveAuthority): Promise<ResponderCertificate> {
    const key = await signer.current('certificate-status');
    const now = clock.now();
    // Near the end of the authority, a new certificate would expire together with the old one.
    const longestMs = Math.min(statusLifetimeSeconds * 1_000, authority.notAfter - now);
    const isFresh = (notAfter: number) => notAfter - now > longestMs / 2;
    const known = certificates.get(authority.id);
    if (known !== undefined && known.kid === key.kid && isFresh(known.notAfter)) return known;
    const stored = await newestOf(pool, statusProfile, authority.id);
    for (const one of stored)
      if (
        one.key === publicKeyOf(key.jwk).digest &&
        isFresh(one.notAfter) &&
        (await commands.things.counts(one.serial, one))
      )
        return keep(authority, key.kid, one);
    const serial = newSerial();
    const notBefore = Math.ceil((now - 60_000) / 1_000) * 1_000;
    const notAfter = Math.min(notBefore + statusLifetimeSeconds * 1_000, authority.notAfter - 999);
    const { encoding, digest } = publicKeyOf(key.jwk);
    const tbs = buildStatusCertificate({
      ...{ serial, notBefore, notAfter, organization },
      authority: authority.certificate,
      publicKey: encoding,
    });
    const fault = findLeafFault(tbs, [authority.certificate, authority.root], now);
    if (fault !== undefined)
      throw certificateAuthorityErrors.error(
        'authority_unavailable',
        `The certificate of the OCSP responder would not be valid: ${fault}`,
      );
    const state: CertificateState = {
      ...{ serial, tbs, notBefore },
      authority: authority.id,
      profile: statusProfile,
      profileVersion: 0,
      holder: installation.id,
      institution: installation.institution,
      key: digest,
      issuedAt: now,
      notAfter: notAfter + 999,
      predecessor: undefined,
      revoked: undefined,
    };
    await commands.issueToSelf({ serial, state, by: installation });
    const issued = await commands.things.find(serial);
    if (issued === undefined) throw new Error('a certificate of the responder was issued and cannot be found');
    return keep(authority, key.kid, issued);
  }

  async function keep(authority: LiveAuthority, kid: string, stored: StoredCertificate) {
    const der = assemble(stored.tbs, await signatureOf(stored));
    if (!isSignedByAuthority(der, authority.certificate))
      throw certificateAuthorityErrors.error('authority_unavailable', 'The certificate of the responder is not valid.');
    const kept = { kid, der, notAfter: stored.notAfter };
    certificates.set(authority.id, kept);
    return kept;
  }

  /** `unknown`, never `good`, for a serial number that is not in the log. */
  async function statusOf(serial: string, authority: LiveAuthority): Promise<SingleStatus> {
    const stored = await commands.things.find(serial);
    if (stored === undefined || stored.authority !== authority.id) return { status: 'unknown' };
    const { revoked, profile } = stored;
    return {
      status: revoked === undefined ? 'good' : 'revoked',
      lifeMs: profile === 'operator-approval' ? approvalLifeMs : answerLifeMs,
      ...(revoked === undefined ? {} : { revokedAt: revoked.at, reason: revoked.reason }),
    };
  }

  return {
    async answer(asked) {
      const request = readStatus(asked);
      if (request === undefined) return { response: malformedAnswer() };
      const all = await authorities.all();
      const authority = all.find((one) => request.singles.every((single) => isAbout(single, one.certificate)));
      if (authority === undefined) return { response: unauthorizedAnswer() };
      const certificate = await certificateBy(authority);
      const thisUpdate = Math.floor(clock.now() / 1_000) * 1_000;
      const statuses = await Promise.all(request.singles.map(({ serial }) => statusOf(serial, authority)));
      const lifeMs = Math.min(...statuses.map((one) => one.lifeMs ?? approvalLifeMs));
      const nextUpdate = Math.min(thisUpdate + lifeMs, certificate.notAfter);
      const response = await answerOf(request, statuses, {
        ...{ thisUpdate, nextUpdate },
        certificate: certificate.der,
        sign: async (tbs) => (await signer.sign('certificate-status', certificate.kid, tbs)).signature,
      });
      return { response, ...(request.nonce !== undefined ? {} : { thisUpdate, nextUpdate }) };
    },
    async renew() {
      for (const authority of await authorities.all()) await certificateBy(authority);
    },
  };
}
