import type {
  AuditAppender,
  Directory,
  FederatedIdentity,
  FederationGateway,
  TrustRegistry,
} from '@countersign/contracts';
import { type Clock, defined, epochSeconds, isCodedError, type Random, sha256Digest } from '@countersign/kernel';
import { parseCompactJws } from '@countersign/oauth';
import type { PartnerKeys } from './partner-keys.ts';
import { refuseJws } from './refusal.ts';
import { checkAssurance } from './rules/check-assurance.ts';
import { checkClient, checkRequiredClaims, readAssertionId } from './rules/check-claims.ts';
import { checkTimes } from './rules/check-times.ts';
import { checkType } from './rules/check-type.ts';
import { checkInstitution, findProfile } from './rules/find-profile.ts';
import { mapSubject } from './rules/map-subject.ts';
import { readLimits } from './rules/read-limits.ts';
import { type Examined, refusedRecord, verifyWith } from './verified-assertion.ts';

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

interface Attempt extends Examined {
  readonly assertion: string;
  readonly audience: string;
  readonly client: string | undefined;
}

export function createFederationGateway(dependencies: FederationGatewayDependencies): FederationGateway {
  const { trustRegistry, directory, audit, clock } = dependencies;
  const grantsAccepted = (dependencies.identityChaining ?? 'off') !== 'off';

  async function accept(attempt: Attempt): Promise<FederatedIdentity> {
    const { audience } = attempt;
    // Unverified: only used to find the key.
    const jws = parseCompactJws(attempt.assertion, refuseJws);
    checkType(jws.header, { grantsAccepted });
    const profile = await findProfile(jws.unverifiedClaims, trustRegistry, audience);
    attempt.profile = profile;
    checkInstitution(profile, directory.snapshot());
    const { claims, provenance } = await verifyWith(profile, jws, attempt, dependencies);

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
      provenance,
    };
  }

  return {
    async acceptAssertion(assertion, audience, client) {
      const attempt: Attempt = { assertion, audience, client, digest: sha256Digest(assertion) };
      try {
        return await accept(attempt);
      } catch (error) {
        // Our own fault refuses nobody.
        if (isCodedError(error))
          await audit.append({ ...refusedRecord(error.code, attempt, dependencies), ...defined({ client }) });
        throw error;
      }
    },
  };
}
