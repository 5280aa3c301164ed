import type { Directory, FederatedIdentity, RecordDraft, TrustProfile, TrustRegistry } from '@countersign/contracts';
import { type Clock, type Digest, newId, type Random } from '@countersign/kernel';
import { type UnverifiedJws, type VerificationKey, verifyJws } from '@countersign/oauth';
import type { PartnerKeys } from './partner-keys.ts';
import { refuseJws } from './refusal.ts';
import { checkAlgorithm } from './rules/check-algorithm.ts';
import { checkStillTrusted } from './rules/find-profile.ts';

/** An assertion or ID token under examination. The record of a refusal names what was known by then. */
export interface Examined {
  /** SHA-256 of its characters: a holder of the assertion can find its record. */
  digest: Digest;
  profile?: TrustProfile;
  /** The key that signed it, once verified. */
  key?: VerificationKey;
}

/** Verifies the signature with the partner's key, then that the profile is still trusted. */
export async function verifyWith(
  profile: TrustProfile,
  jws: UnverifiedJws,
  examined: Examined,
  {
    partnerKeys,
    trustRegistry,
    directory,
  }: {
    readonly partnerKeys: PartnerKeys;
    readonly trustRegistry: Pick<TrustRegistry, 'profileOf'>;
    readonly directory: Pick<Directory, 'snapshot'>;
  },
) {
  checkAlgorithm(jws.header, profile);
  const key = await partnerKeys.keyOf(profile, jws.header.kid);
  const claims = verifyJws(jws, key, refuseJws);
  examined.key = key;
  await checkStillTrusted(profile, trustRegistry, directory.snapshot());
  const provenance: FederatedIdentity['provenance'] = {
    profile: profile.id,
    profileVersion: profile.version,
    profileRecord: profile.recordId,
    kid: jws.header.kid ?? key.thumbprint,
    thumbprint: key.thumbprint,
    assertionDigest: examined.digest,
  };
  return { claims, key, provenance };
}

/** Only ids, codes and digests: the assertion is about a person. */
export function refusedRecord(
  reason: string,
  { profile, key, digest }: Examined,
  sources: { readonly clock: Clock; readonly random: Random },
): RecordDraft {
  return {
    id: newId('record', sources),
    type: 'identity.refused',
    source: 'federation-gateway',
    outcome: 'deny',
    reason,
    payload: digest,
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
  };
}
