import { unreachable } from '@countersign/kernel';
import type { Confirmation } from '@countersign/oauth';
import { refuse } from '../refusal.ts';
import type { ClientContext } from './client-endpoint.ts';
import { checkCertificateDates } from './mutual-tls.ts';

/**
 * What a token of this client is bound to, by its registration: the key of its proof (RFC 9449 section 6), its
 * certificate (RFC 8705 section 3), or nothing, which only clients of the profile `oidc` may have.
 *
 * @throws CodedError `invalid_dpop_proof`, `invalid_request` when the client has not shown what it is to be bound to
 */
export function bindingOf({
  client,
  proof,
  certificate,
  now,
}: Pick<ClientContext, 'client' | 'proof' | 'certificate' | 'now'>): Confirmation | undefined {
  switch (client.binding) {
    case 'dpop':
      if (proof === undefined)
        throw refuse('proof_needed', 'The tokens of this client are bound by DPoP: the request must carry a proof.');
      return { jkt: proof.jkt };
    case 'mtls':
      if (certificate === undefined)
        throw refuse(
          'certificate_needed',
          'The tokens of this client are bound to its certificate: ask over a connection that shows it.',
        );
      checkCertificateDates(certificate, now);
      return { 'x5t#S256': certificate.thumbprint };
    case 'none':
      return undefined;
    default:
      return unreachable(client.binding);
  }
}
