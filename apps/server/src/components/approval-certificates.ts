import {
  type CertificateSignatureSettings,
  hardwareAcr,
  type PartnerApprovalAuthority,
  phishingResistantAcr,
} from '@countersign/contracts';
import { readCertificateFile } from '@countersign/evidence';
import { CodedError } from '@countersign/kernel';
import { readSecret } from '@countersign/runtime';
import { readX509Certificate } from '@countersign/x509';
import type { Configuration } from '../configuration/index.ts';

/** The rules for signatures of people with certificates. @throws CodedError `configuration_invalid`, `secret_unavailable` */
export function approvalCertificatesOf(
  approvals: Configuration['approvals'] | undefined,
): CertificateSignatureSettings {
  const { keysInHardware, statusMaxAgeSeconds = 600, partners = [] } = approvals?.certificates ?? {};
  return {
    acr: classOf(keysInHardware),
    maxStatusAgeMs: statusMaxAgeSeconds * 1_000,
    partners: partners.map((partner): PartnerApprovalAuthority => {
      const { institution, purposes, policies, people } = partner;
      const anchors = readCertificateFile(Buffer.from(readSecret(partner.authorities)));
      if (anchors === undefined)
        throw new CodedError({
          code: 'configuration_invalid',
          category: 'invalid',
          detail: `approvals.certificates.partners: ${partner.authorities} holds no certificate in PEM.`,
        });
      return {
        ...{ institution, purposes, policies, people, acr: classOf(partner.keysInHardware) },
        anchors: anchors.map(readX509Certificate),
      };
    }),
  };
}

function classOf(keysInHardware = false): string {
  return keysInHardware ? hardwareAcr : phishingResistantAcr;
}
