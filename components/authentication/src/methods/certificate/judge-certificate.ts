import {
  type AuditAppender,
  type authenticationErrors,
  type Directory,
  hardwareAcr,
  type PrincipalId,
  phishingResistantAcr,
} from '@countersign/contracts';
import { type Clock, defined, isCodedError, newId, type Random, sha256Base64Url } from '@countersign/kernel';
import {
  extendedKeyUsageOf,
  objectIdentifiers,
  type ParsedCertificate,
  type PathReason,
  readX509Certificate,
  validatePath,
} from '@countersign/x509';
import { personOf } from './person-of.ts';
import type { Revocation } from './revocation.ts';
import type { CertificateSettings } from './settings.ts';

export interface JudgeDependencies {
  readonly settings: CertificateSettings;
  readonly revocation: Revocation;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

/** DER. The handshake has proved possession of the key. */
export interface ShownCertificate {
  readonly der: Uint8Array;
  readonly others: readonly Uint8Array[];
}

export type CertificateRefusal = Extract<
  keyof (typeof authenticationErrors)['codes'],
  `certificate_${string}` | 'person_unknown'
>;

export type CertificateVerdict =
  | {
      readonly outcome: 'identified';
      readonly person: PrincipalId;
      readonly acr: string;
      readonly amr: readonly string[];
      readonly certificate: string;
    }
  | {
      readonly outcome: 'refused';
      readonly code: CertificateRefusal;
      /** If its path is valid. */
      readonly person?: PrincipalId;
    };

const codes: Readonly<Record<PathReason, CertificateRefusal>> = {
  malformed: 'certificate_untrusted',
  untrusted: 'certificate_untrusted',
  not_yet_valid: 'certificate_expired',
  expired: 'certificate_expired',
  extension_unknown: 'certificate_untrusted',
  key_weak: 'certificate_key_weak',
  not_authority: 'certificate_untrusted',
  path_too_long: 'certificate_untrusted',
  usage_wrong: 'certificate_usage',
  purpose_wrong: 'certificate_usage',
  name_constrained: 'certificate_untrusted',
  policy_missing: 'certificate_policy',
};

/** Its owner, validity and strength. */
export function createCertificateJudge(dependencies: JudgeDependencies) {
  const { settings, revocation, directory, audit, clock } = dependencies;

  /** Untrusted certificates are not recorded: anybody can create them. */
  async function refuse(
    certificate: ParsedCertificate,
    code: CertificateRefusal,
    why: string,
    person?: PrincipalId,
  ): Promise<CertificateVerdict> {
    const shown = {
      serial: Buffer.from(certificate.serial).toString('hex'),
      thumbprint: sha256Base64Url(certificate.encoding),
    };
    await audit.append({
      ...{ id: newId('record', dependencies), type: 'certificate.refused', source: 'authentication' },
      ...{ outcome: 'deny', reason: code, certificate: shown, data: { why } },
    });
    return { outcome: 'refused', code, ...defined({ person }) };
  }

  /** Of the path without its anchor. */
  async function worstOf(path: readonly ParsedCertificate[]) {
    let unknown = false;
    for (const [index, certificate] of path.slice(0, -1).entries()) {
      const issuer = path[index + 1];
      const state =
        issuer === undefined ? 'unknown' : await revocation.stateOf(certificate, issuer, path.slice(index + 2));
      if (state === 'revoked') return 'revoked';
      unknown ||= state === 'unknown';
    }
    return unknown ? 'unknown' : 'good';
  }

  return async (shown: ShownCertificate): Promise<CertificateVerdict> => {
    const certificate = readable(shown.der);
    if (certificate === undefined) return { outcome: 'refused', code: 'certificate_untrusted' };
    const { roots, intermediates, policies, hardwarePolicies, purposes, people } = settings;
    const others = shown.others.map(readable).filter((other) => other !== undefined);
    const candidates = [...intermediates, ...others];
    const given = { anchors: roots, intermediates: candidates, at: clock.now(), purposes, policies };
    const verdict = validatePath(certificate, given);
    if (!verdict.ok) {
      const code = codes[verdict.reason];
      return verdict.reason === 'untrusted' ? { outcome: 'refused', code } : refuse(certificate, code, verdict.reason);
    }
    const found = personOf(certificate, people, directory.snapshot());
    if (found.found !== 'one')
      return refuse(certificate, 'person_unknown', found.found === 'none' ? 'person_none' : 'person_several');
    const { id: person } = found.person;
    const state = await worstOf(verdict.path);
    if (state === 'revoked') return refuse(certificate, 'certificate_revoked', 'revoked', person);
    if (state === 'unknown' && settings.revocation.required)
      return refuse(certificate, 'certificate_status_unknown', 'status_unknown', person);

    const inHardware = [...verdict.policies].some((policy) => hardwarePolicies.has(policy));
    const onCard =
      inHardware && extendedKeyUsageOf(certificate)?.purposes.includes(objectIdentifiers.smartCardLogon) === true;
    return {
      outcome: 'identified',
      person,
      acr: inHardware ? hardwareAcr : phishingResistantAcr,
      // RFC 8176. Whether the card asked for a PIN is unknown.
      amr: ['pop', inHardware ? 'hwk' : 'swk', ...(onCard ? ['sc'] : [])],
      certificate: sha256Base64Url(certificate.encoding),
    };
  };
}

function readable(der: Uint8Array): ParsedCertificate | undefined {
  try {
    return readX509Certificate(der);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}
