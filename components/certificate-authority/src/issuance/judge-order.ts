import {
  type CertificateOrder,
  type CertificateProfileTerms,
  certificateAuthorityErrors,
  type Decision,
  type DirectorySnapshot,
  kindOfPrincipal,
  type PrincipalId,
  parsePrincipalId,
  type Requester,
  standing,
} from '@countersign/contracts';
import { type CodedError, defined, isCodedError, type RecordId, sha256Base64Url } from '@countersign/kernel';
import type { Authorities, LiveAuthority } from '../authorities.ts';
import { type CertificateState, statusOf } from '../certificate-state.ts';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { buildLeaf, findLeafFault, type ReadRequest, readRequest } from '../forms.ts';
import type { PkiState } from '../ledger/fold.ts';
import type { Ledger } from '../ledger/ledger.ts';
import {
  firstTerms,
  isDnsName,
  modelDigestExtension,
  permitsHost,
  type ReleasedProfile,
  releasedProfiles,
} from '../profiles.ts';
import { shardOf } from '../shards.ts';
import { createIssuanceDecider } from './decide-issuance.ts';

/** A caller with the client of its token. */
export interface Asking extends Requester {
  readonly client?: string;
  /** The record of the enrolment whose account sends the order. */
  readonly enrolment?: RecordId;
}

/** An order that may be carried out, with the certificate to sign. */
export interface GrantedOrder {
  readonly state: CertificateState;
  readonly authority: LiveAuthority;
  readonly requestDigest: string;
  readonly decision: Decision;
}

/** The result of all checks before the command. A refusal is recorded with the decision, if one was made. */
export type Judgement =
  | { readonly is: 'granted'; readonly granted: GrantedOrder }
  | { readonly is: 'refused'; readonly error: CodedError; readonly decision?: Decision };

const { error } = certificateAuthorityErrors;

/** How long before the current time a certificate becomes valid, for verifiers whose clocks are slow. */
const backdatedMs = 60_000;

/** Log entry that binds a key to its first holder. */
export const certifiedKeyThing = (key: string): string => `certified-key:${key}`;

export function createJudge(
  dependencies: Pick<
    CertificateAuthorityDependencies,
    'audit' | 'directory' | 'policyEngine' | 'clock' | 'issuer' | 'operator' | 'hosts'
  > & { readonly ledger: Ledger; readonly authorities: Authorities },
) {
  const { audit, directory, clock, issuer, operator, ledger, authorities } = dependencies;
  const decide = createIssuanceDecider(dependencies);
  const trustDomain = new URL(issuer).hostname;
  const hosts = dependencies.hosts ?? [trustDomain];

  function termsOf(profile: ReleasedProfile, { profiles }: PkiState) {
    const changed = profiles.get(profile.name);
    return { version: changed?.version ?? 0, terms: changed?.terms ?? firstTerms(profile.name, hosts) };
  }

  async function requireKeyOf(holder: string, key: string): Promise<void> {
    const of = certifiedKeyThing(key);
    const known = (await audit.standings([of])).get(of);
    if (known !== undefined && known.digest !== standing(of, { holder }).digest)
      throw error('certificate_key_refused', 'This key was certified for another holder. Make a new key.');
  }

  async function grant(
    serial: string,
    order: CertificateOrder,
    by: Asking,
    predecessor: CertificateState | undefined,
    decided: (decision: Decision) => void,
  ): Promise<GrantedOrder> {
    const profile = releasedProfiles[order.profile];
    const state = await ledger.current();
    const { version, terms } = termsOf(profile, state);
    const snapshot = directory.snapshot();
    const institution = institutionOf(order, profile, snapshot);
    if (by.institution !== institution && by.institution !== operator)
      throw error('certificate_request_refused', 'The holder belongs to another institution.');
    if (!terms.enabled) throw error('certificate_request_refused', `The profile ${order.profile} is disabled.`);
    if (order.lifetimeSeconds !== undefined && order.lifetimeSeconds > terms.lifetimeSeconds)
      throw error(
        'certificate_request_refused',
        `Certificates of the profile ${order.profile} are valid for at most ${terms.lifetimeSeconds} seconds.`,
      );
    const request = readRequest(order.request);
    const uri = holderUri(trustDomain, order.holder);
    const dnsNames = namesIn(request, { uri, profile, terms, registered: order.workload?.dnsNames });
    const key = sha256Base64Url(request.publicKey);
    await requireKeyOf(order.holder, key);
    const now = clock.now();
    requireReplaceable(predecessor, order, now);
    const authority = await authorities.active(profile.authority, state);
    const lifetimeMs = (order.lifetimeSeconds ?? terms.lifetimeSeconds) * 1_000;
    const notBefore = Math.ceil((now - backdatedMs) / 1_000) * 1_000;
    const notAfter = Math.min(Math.floor(now / 1_000) * 1_000 + lifetimeMs, authority.notAfter - 999);
    const agent = snapshot.principal(order.holder);
    const modelDigest = agent?.kind === 'agent' ? agent.model.artifactSha256 : undefined;
    const tbs = buildLeaf({
      ...{ serial, authority: authority.certificate, profile, notBefore, notAfter, publicKey: request.publicKey },
      ...{ uri, dnsNames, institution, holder: order.holder },
      places: {
        list: `${issuer}/pki/lists/${authority.id}/${shardOf(serial)}.crl`,
        status: `${issuer}/pki/ocsp`,
        authority: `${issuer}/pki/authorities/${authority.id}.cer`,
      },
      ...(modelDigest === undefined ? {} : { extension: { id: modelDigestExtension, text: modelDigest } }),
      ...defined({ workload: order.workload }),
    });
    const fault = findLeafFault(tbs, [authority.certificate, authority.root], now);
    if (fault !== undefined) throw error('certificate_unfit', `The certificate would not be valid: ${fault}`);
    const decision = await decide(order, institution, by);
    decided(decision);
    if (!decision.decision) throw notPermitted(decision);
    return {
      state: {
        ...{ serial, key, tbs, institution, notBefore },
        authority: authority.id,
        profile: order.profile,
        profileVersion: version,
        holder: order.holder,
        issuedAt: now,
        notAfter: notAfter + 999,
        predecessor: order.predecessor,
        revoked: undefined,
      },
      authority,
      requestDigest: sha256Base64Url(order.request),
      decision,
    };
  }

  /** @param predecessor undefined when the order names none */
  return async (
    serial: string,
    order: CertificateOrder,
    by: Asking,
    predecessor: CertificateState | undefined,
  ): Promise<Judgement> => {
    let decision: Decision | undefined;
    try {
      const granted = await grant(serial, order, by, predecessor, (made) => {
        decision = made;
      });
      return { is: 'granted', granted };
    } catch (refusal) {
      if (!isCodedError(refusal) || !Object.hasOwn(certificateAuthorityErrors.codes, refusal.code)) throw refusal;
      return { is: 'refused', error: refusal, ...defined({ decision }) };
    }
  };
}

export type Judge = ReturnType<typeof createJudge>;

/** The name of a holder in its certificate: a SPIFFE ID in the trust domain of the installation. */
export function holderUri(trustDomain: string, holder: string): string {
  return `spiffe://${trustDomain}/${holder.replace(':', '/')}`;
}

/** The holder that a name in a request names; undefined when the name is not one of ours. */
export function holderNamed(trustDomain: string, uri: string): PrincipalId | undefined {
  const prefix = `spiffe://${trustDomain}/`;
  if (!uri.startsWith(prefix)) return undefined;
  const holder = parsePrincipalId(uri.slice(prefix.length).replace('/', ':'));
  return holder !== undefined && holderUri(trustDomain, holder) === uri ? holder : undefined;
}

/** @returns the refusal for a decision that denies */
export function notPermitted({ reasons: [reason] }: Decision): CodedError {
  const detail = reason === undefined ? 'No policy permits this certificate.' : `${reason.code}: ${reason.detail}`;
  return error('certificate_not_permitted', detail);
}

/** The institution of the holder, if the profile fits its kind. */
export function institutionOf(
  order: Pick<CertificateOrder, 'holder' | 'profile'>,
  profile: ReleasedProfile,
  snapshot: DirectorySnapshot,
): string {
  const kind = kindOfPrincipal(order.holder);
  if (!profile.holders.includes(kind))
    throw error(
      'certificate_request_refused',
      `Certificates of the profile ${order.profile} are for ${profile.holders.join(' or ')}. The holder is a ${kind}.`,
    );
  const found = kind === 'device' ? snapshot.device(order.holder) : snapshot.principal(order.holder);
  if (found === undefined) throw error('certificate_request_refused', 'The holder is not in the directory.');
  return found.institution;
}

/** The DNS names of the request. Any other name must equal the one that this authority writes. */
function namesIn(
  { names }: ReadRequest,
  {
    uri,
    profile,
    terms,
    registered,
  }: {
    readonly uri: string;
    readonly profile: ReleasedProfile;
    readonly terms: CertificateProfileTerms;
    /** The DNS names of a registered workload. They replace those of the request. */
    readonly registered: readonly string[] | undefined;
  },
): readonly string[] {
  const refuse = (detail: string) => error('certificate_request_refused', detail);
  const others = names.filter((name) => !(name.kind === 'dns') && !(name.kind === 'uri' && name.value === uri));
  if (others.length > 0) throw refuse(`The request may name ${uri} and DNS names only.`);
  const dnsNames = registered ?? names.filter(({ kind }) => kind === 'dns').map(({ value }) => value);
  if (!profile.namesHosts) {
    if (dnsNames.length > 0) throw refuse(`Certificates of the profile ${profile.name} cannot name hosts.`);
    return [];
  }
  if (dnsNames.length === 0 || dnsNames.length > 20)
    throw refuse(`A certificate of the profile ${profile.name} names one to 20 hosts.`);
  const wrong = dnsNames.find((name) => !isDnsName(name) || !permitsHost(terms.dnsNames, name));
  if (wrong !== undefined) throw refuse(`The profile ${profile.name} does not permit one of the hosts in the request.`);
  return dnsNames;
}

function requireReplaceable(predecessor: CertificateState | undefined, order: CertificateOrder, now: number): void {
  if (order.predecessor === undefined) return;
  if (predecessor === undefined || predecessor.holder !== order.holder || predecessor.profile !== order.profile)
    throw error('certificate_unknown', 'No such certificate of this holder and profile exists.');
  const status = statusOf(predecessor, now);
  if (status !== 'valid')
    throw error(
      'certificate_over',
      `The certificate to replace is ${status}. Ask for a new certificate without naming it.`,
    );
}
