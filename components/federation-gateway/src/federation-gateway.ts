import type {
  AuditAppender,
  Directory,
  FederatedIdentity,
  FederationGateway,
  TrustProfile,
  TrustRegistry,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  defined,
  epochSeconds,
  isCodedError,
  newId,
  type Random,
  sha256Digest,
} from '@countersign/kernel';
import { parseCompactJws, type VerificationKey, verifyJws } from '@countersign/oauth';
import type { PartnerKeys } from './partner-keys.ts';
import { refuseJws } from './refusal.ts';
import { checkAlgorithm } from './rules/check-algorithm.ts';
import { checkAssurance } from './rules/check-assurance.ts';
import { checkClient, checkRequiredClaims, readAssertionId } from './rules/check-claims.ts';
import { checkTimes } from './rules/check-times.ts';
import { checkType } from './rules/check-type.ts';
import { checkInstitution, checkStillTrusted, findProfile } from './rules/find-profile.ts';
import { mapSubject } from './rules/map-subject.ts';
import { readLimits } from './rules/read-limits.ts';

export interface FederationGatewayDependencies {
  readonly trustRegistry: Pick<TrustRegistry, 'profileOf'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: AuditAppender;
  readonly partnerKeys: PartnerKeys;
  readonly clock: Clock;
  readonly random: Random;
  /**
   * Whether authorization grants of partners (`authorization-grant+jwt`, `oauth-id-jag+jwt`) are accepted. Default
   * `off`.
   */
  readonly identityChaining?: 'off' | 'draft-17';
}

interface Attempt {
  readonly assertion: string;
  readonly audience: string;
  readonly client: string | undefined;
  /** SHA-256 of the assertion's characters: a holder of the assertion can find its record. */
  readonly digest: Digest;
  profile?: TrustProfile;
  /** The signing key, once known. */
  key?: VerificationKey;
}

export function createFederationGateway(dependencies: FederationGatewayDependencies): FederationGateway {
  const { trustRegistry, directory, audit, partnerKeys, clock } = dependencies;
  const grantsAccepted = (dependencies.identityChaining ?? 'off') !== 'off';

  async function accept(attempt: Attempt): Promise<FederatedIdentity> {
    const { audience } = attempt;
    // Unverified: only used to find the key.
    const jws = parseCompactJws(attempt.assertion, refuseJws);
    checkType(jws.header, { grantsAccepted });
    const profile = await findProfile(jws.unverifiedClaims, trustRegistry, audience);
    attempt.profile = profile;
    checkInstitution(profile, directory.snapshot());
    checkAlgorithm(jws.header, profile);
    const key = await partnerKeys.keyOf(profile, jws.header.kid);
    const claims = verifyJws(jws, key, refuseJws);
    attempt.key = key;
    await checkStillTrusted(profile, trustRegistry, directory.snapshot());

    // Verified from here on.
    const now = epochSeconds(clock.now());
    const expiresAt = checkTimes(claims, { audience, profile, now });
    const assertionId = readAssertionId(claims);
    checkClient(jws.header, claims, attempt.client);
    checkRequiredClaims(claims, profile);
    const signIn = checkAssurance(claims, profile, now);
    const { person, subject } = mapSubject(claims, profile, directory.snapshot());
    const limits = readLimits(claims, profile, directory.snapshot());

    return {
      principal: person.id,
      institution: person.institution,
      issuer: profile.issuer,
      subject,
      ...signIn,
      assertionId,
      expiresAt,
      claims: Object.keys(claims).sort(),
      ...defined({ limits }),
      provenance: {
        profile: profile.id,
        profileVersion: profile.version,
        profileRecord: profile.recordId,
        kid: jws.header.kid ?? key.thumbprint,
        thumbprint: key.thumbprint,
        assertionDigest: attempt.digest,
      },
    };
  }

  /** Only ids, codes and digests: the assertion is about a person. */
  async function recordRefusal(code: string, { profile, key, client, digest }: Attempt): Promise<void> {
    await audit.append({
      id: newId('record', dependencies),
      type: 'identity.refused',
      source: 'federation-gateway',
      outcome: 'deny',
      reason: code,
      payload: digest,
      ...defined({ client }),
      // Without a profile the issuer is unverified text.
      ...(profile === undefined
        ? {}
        : {
            references: [profile.recordId],
            authentication: { issuer: profile.issuer },
            partner: profile.institution,
            data: {
              profile: profile.id,
              profile_version: profile.version,
              ...(key === undefined ? {} : { thumbprint: key.thumbprint }),
            },
          }),
    });
  }

  return {
    async acceptAssertion(assertion, audience, client) {
      const attempt: Attempt = { assertion, audience, client, digest: sha256Digest(assertion) };
      try {
        return await accept(attempt);
      } catch (error) {
        // Our own fault refuses nobody.
        if (isCodedError(error)) await recordRefusal(error.code, attempt);
        throw error;
      }
    },
  };
}
