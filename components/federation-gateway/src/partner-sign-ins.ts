import {
  type AuditAppender,
  type Directory,
  federationErrors,
  type Outbound,
  type OutboundForm,
  type PartnerSignedIn,
  type PartnerSignIn,
  type PartnerSignIns,
  type PartnerSignInUnderWay,
  type RecordDraft,
  type Signer,
  type TrustProfile,
  type TrustRegistry,
} from '@countersign/contracts';
import {
  type Clock,
  defined,
  epochSeconds,
  isCodedError,
  newId,
  type Random,
  sha256Base64Url,
  sha256Digest,
} from '@countersign/kernel';
import { parseCompactJws } from '@countersign/oauth';
import type { HeldDocumentTimes } from './held-document.ts';
import type { PartnerKeys } from './partner-keys.ts';
import { createProviderMetadata, type ProviderMetadata } from './provider-metadata.ts';
import { redeemCode } from './redeem-code.ts';
import { refuse, refuseJws } from './refusal.ts';
import { checkAssurance } from './rules/check-assurance.ts';
import { checkRequiredClaims } from './rules/check-claims.ts';
import { checkIdToken } from './rules/check-id-token.ts';
import { checkType } from './rules/check-type.ts';
import { checkInstitution } from './rules/find-profile.ts';
import { mapSubject } from './rules/map-subject.ts';
import { type Examined, refusedRecord, verifyWith } from './verified-assertion.ts';

export interface PartnerSignInsDependencies {
  readonly trustRegistry: Pick<TrustRegistry, 'profileOf'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: AuditAppender;
  readonly outbound: Pick<Outbound, 'getJson'> & OutboundForm;
  /** Signs our client assertions. */
  readonly signer: Pick<Signer, 'current' | 'sign'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly partnerKeys: PartnerKeys;
  /** The defaults are those of a running installation. */
  readonly metadataTimes?: Partial<HeldDocumentTimes>;
}

type ProfileWithSignIn = TrustProfile & { readonly signIn: PartnerSignIn };

/** A sign-in this recent counts as new. */
const nowSeconds = 60;
const longestCode = 4_096;

/** Sign-in at the identity providers of partners; see the contract. */
export function createPartnerSignIns(dependencies: PartnerSignInsDependencies): PartnerSignIns {
  const { trustRegistry, directory, audit, clock, random, metadataTimes } = dependencies;
  const metadata = createProviderMetadata({
    ...dependencies,
    ...defined({ times: metadataTimes }),
  });
  const secret = () => Buffer.from(random.bytes(32)).toString('base64url');

  async function profileOf(issuer: string): Promise<ProfileWithSignIn> {
    const profile = await trustRegistry.profileOf(issuer);
    const signIn = profile?.signIn;
    if (profile === undefined || signIn === undefined)
      throw federationErrors.error(
        'partner_sign_in_not_offered',
        'Sign-in at this provider is not possible: it has no trust profile for sign-in.',
      );
    checkInstitution(profile, directory.snapshot());
    return { ...profile, signIn };
  }

  async function accept(
    underWay: PartnerSignInUnderWay,
    answer: ReadonlyMap<string, string>,
    found: Examined,
  ): Promise<PartnerSignedIn> {
    const { issuer, nonce } = underWay;
    const profile = await profileOf(issuer);
    found.profile = profile;
    const { clientId } = profile.signIn;
    const provider = await metadata.of(profile);
    const code = codeIn(answer, issuer, provider);
    const redeeming = { code, clientId, tokenEndpoint: provider.tokenEndpoint, underWay };
    const { idToken, accessToken } = await redeemCode(dependencies, redeeming);
    found.digest = sha256Digest(idToken);

    const jws = parseCompactJws(idToken, refuseJws);
    checkType(jws.header, { grantsAccepted: false });
    const { claims, key, provenance } = await verifyWith(profile, jws, found, dependencies);
    if (claims['iss'] !== issuer) throw refuse('assertion_issuer_unknown', 'Its iss is another issuer.');
    const now = epochSeconds(clock.now());
    checkIdToken(claims, { clientId, nonce, accessToken, algorithm: key.algorithm }, now);
    checkRequiredClaims(claims, profile);
    const { acr: partnerAcr, amr, authTime } = checkAssurance(claims, profile, now);
    const { person, subject } = mapSubject(claims, profile, directory.snapshot());
    return {
      principal: person.id,
      institution: person.institution,
      issuer,
      subject,
      acr: classOf(profile, partnerAcr),
      partnerAcr,
      amr,
      authTime,
      provenance,
    };
  }

  return {
    async begin({ issuer, redirectUri, state, acrValues, notBefore }) {
      const profile = await profileOf(issuer);
      const { authorizationEndpoint, takesClaims } = await metadata.of(profile);
      const underWay: PartnerSignInUnderWay = { issuer, redirectUri, nonce: secret(), codeVerifier: secret() };
      const location = new URL(authorizationEndpoint);
      const wanted = profile.acrValues.filter(
        (partnerAcr) => acrValues.length === 0 || acrValues.includes(classOf(profile, partnerAcr)),
      );
      const age = notBefore === undefined ? Infinity : Math.max(0, epochSeconds(clock.now()) - notBefore);
      const parameters = {
        response_type: 'code',
        client_id: profile.signIn.clientId,
        redirect_uri: redirectUri,
        scope: 'openid',
        state,
        nonce: underWay.nonce,
        code_challenge: sha256Base64Url(underWay.codeVerifier),
        code_challenge_method: 'S256',
        acr_values: (wanted.length === 0 ? profile.acrValues : wanted).join(' '),
        // OpenID Connect Core section 2: with max_age the ID token has `auth_time`.
        max_age: String(Math.min(age, profile.maxAuthenticationAgeSeconds)),
        ...(age <= nowSeconds ? { prompt: 'login' } : {}),
        ...(takesClaims ? { claims: JSON.stringify({ id_token: { amr: null, auth_time: { essential: true } } }) } : {}),
      };
      for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value);
      return { location: location.href, underWay };
    },

    async complete(underWay, answer) {
      const digest = sha256Digest(JSON.stringify([...answer].toSorted(([a], [b]) => (a < b ? -1 : 1))));
      const found: Examined = { digest };
      try {
        const signedIn = await accept(underWay, answer, found);
        await audit.append(acceptedRecord(signedIn));
        return signedIn;
      } catch (error) {
        // An outage or our own fault refuses nobody.
        if (isCodedError(error) && error.category !== 'unavailable')
          await audit.append(refusedRecord(error.code, found, dependencies));
        throw error;
      }
    },
  };

  function acceptedRecord({ principal, institution, issuer, partnerAcr, amr, authTime, provenance }: PartnerSignedIn) {
    return {
      id: newId('record', dependencies),
      type: 'identity.accepted',
      source: 'federation-gateway',
      outcome: 'permit',
      payload: provenance.assertionDigest,
      subject: { id: principal, institution },
      partner: institution,
      authentication: { issuer, acr: partnerAcr, amr, authTime },
      references: [provenance.profileRecord],
      data: {
        profile: provenance.profile,
        profile_version: provenance.profileVersion,
        kid: provenance.kid,
        thumbprint: provenance.thumbprint,
      },
    } satisfies RecordDraft;
  }
}

/** Our authentication class for the partner's. */
function classOf({ signIn }: ProfileWithSignIn, partnerAcr: string): string {
  return Object.hasOwn(signIn.classes, partnerAcr) ? (signIn.classes[partnerAcr] ?? partnerAcr) : partnerAcr;
}

/** Checks the issuer (RFC 9207) and that the answer is not an error. */
function codeIn(answer: ReadonlyMap<string, string>, issuer: string, { namesItself }: ProviderMetadata): string {
  const named = answer.get('iss');
  if (named === undefined ? namesItself : named !== issuer)
    throw federationErrors.error(
      'partner_sign_in_answer',
      'The answer does not come from the identity provider asked.',
    );
  const error = answer.get('error');
  if (error !== undefined)
    throw federationErrors.error('partner_sign_in_denied', 'The identity provider did not sign the person in.', {
      internal: error.slice(0, 100),
    });
  const code = answer.get('code');
  if (code === undefined || code === '' || code.length > longestCode)
    throw federationErrors.error('partner_sign_in_answer', 'The answer holds no code.');
  return code;
}
