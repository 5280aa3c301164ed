import {
  type AuthorityClass,
  type AuthorityRequest,
  authorityClasses,
  authorityKeyPurposes,
  certificateAuthorityErrors,
  type IssuingAuthority,
  type PublicKey,
} from '@countersign/contracts';
import { sha256Base64Url, toInstant } from '@countersign/kernel';
import type { CertificateAuthorityDependencies } from './dependencies.ts';
import { buildAuthorityRequest, findAuthorityFault, parsed } from './forms.ts';
import type { AcceptedAuthority, CeremonyResult, PkiState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import { namesHosts, policiesOf } from './profiles.ts';

/** An accepted authority with the state of its key. */
export interface LiveAuthority extends AcceptedAuthority {
  readonly state: IssuingAuthority['state'];
  /** In milliseconds since the epoch. */
  readonly notAfter: number;
}

export interface Authorities {
  /** The certificate request for the current key of a class, and the constraints that the ceremony must grant. */
  request(of: AuthorityClass): Promise<AuthorityRequest>;
  /** @throws CodedError `authority_certificate_invalid` */
  check(of: AuthorityClass, ceremony: CeremonyResult): Promise<void>;
  /** Every accepted authority whose certificate has not expired and whose key has not been withdrawn. */
  all(): Promise<readonly LiveAuthority[]>;
  /**
   * The authority that currently signs certificates of this class.
   * @throws CodedError `authority_unavailable`, `authority_over_age`
   */
  active(of: AuthorityClass, state: PkiState): Promise<LiveAuthority>;
  /** Signs with the key of an authority. @returns the signature as r and s */
  sign(authority: Pick<AcceptedAuthority, 'id' | 'class'>, octets: Uint8Array): Promise<Uint8Array>;
}

const { error } = certificateAuthorityErrors;
const threeYearsMs = 3 * 365 * 86_400_000;

export function createAuthorities(
  dependencies: Pick<
    CertificateAuthorityDependencies,
    'signer' | 'clock' | 'issuer' | 'organization' | 'hosts' | 'replaceKeysAfterMs'
  > & {
    readonly ledger: Ledger;
  },
): Authorities {
  const { signer, clock, issuer, organization, ledger, replaceKeysAfterMs = threeYearsMs } = dependencies;
  const trustDomain = new URL(issuer).hostname;
  const hosts = dependencies.hosts ?? [trustDomain];

  const sign: Authorities['sign'] = async ({ id, class: of }, octets) =>
    (await signer.sign(authorityKeyPurposes[of], id, octets)).signature;

  /** The constraints of an authority of this class. */
  const grantsOf = (of: AuthorityClass) => ({
    name: `${organization} ${of} authority`,
    organization,
    uriHosts: [trustDomain],
    // A constraint without its dot permits the domain and every name below it (RFC 5280 section 4.2.1.10).
    dnsNames: namesHosts(of) ? hosts.map((host) => host.replace(/^\./, '')) : [],
    policies: policiesOf(of),
  });

  async function keyOf(of: AuthorityClass, id: string): Promise<PublicKey | undefined> {
    return (await signer.publicKeys(authorityKeyPurposes[of])).find(({ kid }) => kid === id);
  }

  async function live(accepted: readonly AcceptedAuthority[]): Promise<readonly LiveAuthority[]> {
    const now = clock.now();
    const found: LiveAuthority[] = [];
    for (const of of authorityClasses) {
      const ofClass = accepted.filter((one) => one.class === of);
      if (ofClass.length === 0) continue;
      const keys = new Set((await signer.publicKeys(authorityKeyPurposes[of])).map(({ kid }) => kid));
      const usable = ofClass
        .map((one) => ({ ...one, notAfter: parsed(one.certificate).notAfter }))
        .filter(({ id, notAfter }) => keys.has(id) && now <= notAfter);
      const active = usable.findLast(({ usableFrom }) => usableFrom <= now);
      for (const one of usable) {
        const state = one === active ? 'active' : one.usableFrom > now ? 'published' : 'retiring';
        found.push({ ...one, state });
      }
    }
    return found;
  }

  return {
    async request(of) {
      const key = await signer.current(authorityKeyPurposes[of]);
      const grants = grantsOf(of);
      const request = await buildAuthorityRequest(grants, key.jwk, (octets) =>
        sign({ id: key.kid, class: of }, octets),
      );
      return { class: of, id: key.kid, request, ...grants };
    },
    async check(of, ceremony) {
      const key = await keyOf(of, ceremony.id);
      const fault =
        key === undefined
          ? 'The installation has no key with this id. Make a new request and repeat the ceremony with it.'
          : findAuthorityFault(ceremony, { ...grantsOf(of), key: key.jwk, at: clock.now() });
      if (fault !== undefined) throw error('authority_certificate_invalid', fault);
    },
    all: async () => live((await ledger.current()).authorities),
    async active(of, state) {
      const found = (await live(state.authorities)).find((one) => one.class === of && one.state === 'active');
      if (found !== undefined) {
        if (clock.now() - found.usableFrom > replaceKeysAfterMs)
          throw error(
            'authority_over_age',
            `The key of the authority of the class ${of} is too old to issue. Rotate the key, and hold a key ceremony for the new one.`,
          );
        return found;
      }
      throw error(
        'authority_unavailable',
        `There is no active authority of the class ${of}. Hold a key ceremony for it and have the result approved.`,
      );
    },
    sign,
  };
}

export function shownAuthority({ notAfter, usableFrom, record, ...authority }: LiveAuthority): IssuingAuthority {
  const { id, class: of, state, certificate, root, transcript } = authority;
  return {
    ...{ id, class: of, state, certificate, root, transcript },
    usableFrom: toInstant(usableFrom),
    notAfter: toInstant(notAfter),
    recordId: record,
  };
}

/** SHA-256 of the DER, base64url. */
export const thumbprintOf = (certificate: Uint8Array): string => sha256Base64Url(certificate);
