import {
  type CertificateOrder,
  type CertificateProfileName,
  certificateAuthorityErrors,
  kindOfPrincipal,
  parsePrincipalId,
} from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { type StoredCertificate, statusProfile } from '../certificate-state.ts';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { namesTheSame, type PresentedLeaf, readPresented, readRequest } from '../forms.ts';
import { unknownCertificate } from './certificate-commands.ts';
import type { Asking } from './judge-order.ts';

/** A certificate of ours that a client has shown, with what it says. */
export interface Renewal {
  readonly stored: StoredCertificate;
  readonly leaf: PresentedLeaf;
}

export interface RenewalOrder {
  readonly profile: CertificateProfileName;
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
  /** DER of the certificate of the connection. */
  readonly presented: Uint8Array;
}

/** An order in the name of the certificate's holder. A refusal is for the command to record. */
export interface ReadRenewal {
  readonly order: CertificateOrder;
  readonly by: Asking;
  readonly predecessor: StoredCertificate;
  readonly refusal: CodedError | undefined;
}

const { error } = certificateAuthorityErrors;

/** Renewal by the certificate itself: the holder of its key asks for a successor with the same names. */
export function createRenewals(
  dependencies: Pick<CertificateAuthorityDependencies, 'audit'> & {
    readonly lookUp: (serial: string) => Promise<StoredCertificate | undefined>;
    readonly isSigned: (stored: StoredCertificate, der: Uint8Array) => Promise<boolean>;
  },
) {
  const { audit, lookUp, isSigned } = dependencies;

  /** The record decides what a certificate says: a presented one counts only if it is octet by octet the recorded one. */
  async function recognise(presented: Uint8Array): Promise<Renewal | undefined> {
    const leaf = readPresented(presented);
    const stored = leaf === undefined ? undefined : await lookUp(leaf.serial);
    if (leaf === undefined || stored === undefined || stored.profile === statusProfile) return undefined;
    if (Buffer.compare(leaf.toBeSigned, stored.tbs) !== 0 || !(await isSigned(stored, presented))) return undefined;
    return { stored, leaf };
  }

  /** A device acts on the authority of the person who asked for its certificate; the policies see that person. */
  async function askingFor({ holder, institution, change }: StoredCertificate): Promise<Asking> {
    const parsed = parsePrincipalId(holder);
    if (parsed === undefined || kindOfPrincipal(parsed) !== 'device') return { id: holder, institution, through: [] };
    const sponsor = (await audit.find(change))?.record.subject;
    if (sponsor === undefined) throw unknownCertificate();
    return { ...sponsor, through: [holder] };
  }

  function refusalOf({ profile, request }: RenewalOrder, { stored, leaf }: Renewal): CodedError | undefined {
    if (stored.profile !== profile)
      return error(
        'certificate_request_refused',
        `The certificate of the connection has the profile ${stored.profile}. Renew it at the address of that profile.`,
      );
    // The key alone says nothing about the software that holds it now, nor whether its entry was suspended.
    if (leaf.isAttested)
      return error(
        'certificate_request_refused',
        'The certificate was issued after an attestation of its workload. The next one needs an attestation too.',
      );
    if (!namesTheSame(readRequest(request), leaf))
      return error(
        'certificate_request_refused',
        'A renewal has the subject and the names of the certificate that it renews. For other names, enrol anew.',
      );
    return undefined;
  }

  return {
    recognise,
    /** @throws CodedError `certificate_unknown`, `certificate_request_invalid` */
    async read(renewal: RenewalOrder): Promise<ReadRenewal> {
      const found = await recognise(renewal.presented);
      const holder = parsePrincipalId(found?.stored.holder);
      if (found === undefined || holder === undefined) throw unknownCertificate();
      const { stored } = found;
      return {
        order: { profile: renewal.profile, holder, request: renewal.request, predecessor: stored.serial },
        by: await askingFor(stored),
        predecessor: stored,
        refusal: refusalOf(renewal, found),
      };
    },
  };
}
