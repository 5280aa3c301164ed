import { deliveryMethods } from '@countersign/contracts';
import { Type } from 'typebox';
import type { Transmitter } from './configuration.ts';

const closed = { additionalProperties: false };

export const metadataAnswer = Type.Object(
  {
    spec_version: Type.Literal('1_0'),
    issuer: Type.String(),
    jwks_uri: Type.String(),
    delivery_methods_supported: Type.Array(Type.String()),
    configuration_endpoint: Type.String(),
    status_endpoint: Type.String(),
    add_subject_endpoint: Type.String(),
    remove_subject_endpoint: Type.String(),
    verification_endpoint: Type.String(),
    authorization_schemes: Type.Array(Type.Object({ spec_urn: Type.String() }, closed)),
    default_subjects: Type.Literal('ALL'),
  },
  { ...closed, title: 'TransmitterConfiguration', description: 'Shared Signals Framework 1.0, section 7.1' },
);

export function transmitterMetadata({ issuer, baseUrl }: Transmitter) {
  return {
    spec_version: '1_0',
    issuer,
    jwks_uri: `${baseUrl}/signals/keys`,
    delivery_methods_supported: [deliveryMethods.push, deliveryMethods.poll],
    configuration_endpoint: `${baseUrl}/signals/streams`,
    status_endpoint: `${baseUrl}/signals/status`,
    add_subject_endpoint: `${baseUrl}/signals/subjects/add`,
    remove_subject_endpoint: `${baseUrl}/signals/subjects/remove`,
    verification_endpoint: `${baseUrl}/signals/verification`,
    authorization_schemes: [
      { spec_urn: 'urn:ietf:rfc:6749' },
      { spec_urn: 'urn:ietf:rfc:9449' },
      { spec_urn: 'urn:ietf:rfc:8705' },
    ],
    default_subjects: 'ALL',
  } as const;
}

/** Section 7.2.1: between the host and the path of the issuer. */
export function metadataPath(issuer: string): string {
  const path = new URL(issuer).pathname.replace(/\/$/, '');
  return `/.well-known/ssf-configuration${path}`;
}
