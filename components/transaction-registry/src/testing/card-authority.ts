import {
  type AuditAppender,
  certificateThing,
  issuanceRecordOf,
  type Person,
  type RecordDraft,
  revokedCertificateThing,
  standing,
} from '@countersign/contracts';
import { type Clock, newId, type Random, sha256Base64Url, toInstant } from '@countersign/kernel';
import { encodeHeader, importVerificationKey, signCompactJws } from '@countersign/oauth';
import { approvalPolicy, approvalUsage } from '@countersign/oauth/certificate-signature';
import {
  assembleStatusResponse,
  buildStatusResponseData,
  encodeStatusRequest,
  publicKeyJwk,
  readStatusRequest,
} from '@countersign/x509';
import type { SigningAlgorithm } from '../../../../protocols/x509/src/signatures/sign-algorithms.ts';
import {
  authorityExtensions,
  type Holder,
  type IssueOptions,
  issue,
} from '../../../../protocols/x509/src/testing/new-authority.ts';

export const approvalType = 'countersign-approval+x509';
interface World {
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}
type Members = Readonly<Record<string, unknown>>;

export interface Card extends Holder {
  readonly issuer: Holder;
  readonly serial: string;
}

export interface Signing {
  readonly header?: Members;
  /** OCSP responses; by default one that says now that the certificate is good. */
  readonly ocsp?: readonly Uint8Array[];
  readonly chain?: readonly Holder[];
  /** Another key than that of the certificate. */
  readonly by?: Holder;
}

/** An authority, named as one of another firm if a name is given. */
export function newAuthority(name: string, now: number): Holder {
  const times = { notBefore: now - 3_600_000, notAfter: now + 30 * 86_400_000 };
  return issue(name, {
    ...times,
    extensions: { ...authorityExtensions, certificatePolicies: [approvalPolicy, '1.3.9.9'] },
  });
}

/** A card with a certificate of this authority; nothing is recorded. */
export function newCard(
  issuer: Holder,
  now: number,
  {
    usage = approvalUsage,
    policy = approvalPolicy,
    email,
    ...options
  }: {
    readonly usage?: string;
    readonly policy?: string;
    readonly email?: string;
    readonly algorithm?: SigningAlgorithm;
  } & Pick<IssueOptions, 'notBefore' | 'notAfter' | 'serial' | 'key'> = {},
): Card {
  const holder = issue('Card', {
    by: issuer,
    ...{ notBefore: now - 60_000, notAfter: now + 8 * 3_600_000 },
    ...options,
    extensions: {
      keyUsage: ['digitalSignature', 'nonRepudiation'],
      extendedKeyUsage: { purposes: [usage], critical: true },
      certificatePolicies: [policy],
      ...(email === undefined ? {} : { subjectAltName: [{ kind: 'email' as const, text: email }] }),
    },
  });
  return { ...holder, issuer, serial: Buffer.from(holder.certificate.serial).toString('hex') };
}

/** Records the issuance of a card, as our certificate authority does. */
export async function recordIssuance(
  { audit, clock }: World,
  card: Card,
  holder: Person,
  profile = 'operator-approval',
): Promise<void> {
  const { serial, certificate, issuer } = card;
  const authority = importVerificationKey(publicKeyJwk(issuer.certificate.publicKey)).thumbprint;
  const thing = certificateThing(serial);
  const after = {
    ...{ serial, authority, profile, profile_version: 0, holder: holder.id, institution: holder.institution },
    ...{ key: sha256Base64Url(certificate.publicKey), tbs: Buffer.from(certificate.toBeSigned).toString('base64url') },
    ...{ issued_at: toInstant(clock.now()), not_before: toInstant(certificate.notBefore) },
    ...{ not_after: toInstant(certificate.notAfter), predecessor: null, revoked_at: null, revocation_reason: null },
  };
  const draft: RecordDraft = {
    id: issuanceRecordOf(serial),
    ...{ type: 'certificate.issued', source: 'certificate-authority', outcome: 'permit' },
    subject: { id: holder.id, institution: holder.institution },
    standing: [standing(thing, after)],
    data: { holder: holder.id, profile, tbs_digest: sha256Base64Url(certificate.toBeSigned), thing, after },
  };
  await audit.append(draft);
}

export async function revokeCard(world: World, { serial }: Card, holder: Person): Promise<void> {
  await world.audit.append({
    id: newId('record', world),
    ...{ type: 'certificate.revoked', source: 'certificate-authority', outcome: 'done' },
    subject: { id: holder.id, institution: holder.institution },
    standing: [standing(revokedCertificateThing(serial), { reason: 'keyCompromise' })],
    data: {
      ...{ holder: holder.id, profile: 'operator-approval', reason: 'keyCompromise' },
      ...{ thing: certificateThing(serial), after: {} },
    },
  });
}

/** An OCSP response by the issuer itself. */
export function statusOf(
  card: Card,
  {
    thisUpdate,
    nextUpdate = thisUpdate + 600_000,
    revokedAt,
  }: {
    readonly thisUpdate: number;
    readonly nextUpdate?: number;
    readonly revokedAt?: number;
  },
  by: Holder = card.issuer,
): Uint8Array {
  const [certificateId] = readStatusRequest(
    encodeStatusRequest(card.certificate, card.issuer.certificate),
  ).certificateIds;
  if (certificateId === undefined) throw new Error('a request without a certificate');
  const status = revokedAt === undefined ? ({ kind: 'good' } as const) : ({ kind: 'revoked', at: revokedAt } as const);
  const data = buildStatusResponseData({
    responderKey: by.certificate.publicKey,
    producedAt: thisUpdate,
    responses: [{ certificateId, status, thisUpdate, nextUpdate }],
  });
  return assembleStatusResponse(data, by.key.sign(data), []);
}

/** A compact JWS by the key of a card. */
export function signWithCard(card: Card, claims: Members, now: number, signing: Signing = {}): Promise<string> {
  const { chain = [card, card.issuer], by = card, ocsp = [statusOf(card, { thisUpdate: now })] } = signing;
  const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
  const header = {
    ...{ alg: by.key.algorithm, typ: approvalType, x5c: chain.map(({ certificate }) => base64(certificate.encoding)) },
    ...{ ocsp: ocsp.map(base64), ...signing.header },
  };
  // A test may write any header.
  return signCompactJws(claims, encodeHeader(header as never), async (octets) => by.key.sign(octets).signature);
}
