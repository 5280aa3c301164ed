import type { ClientRequest, RecordDraft } from '@countersign/contracts';
import type { Certificate } from '@countersign/oauth';

/** From where a client asks, and the certificate it shows, as the record of its request has them. */
export function circumstancesOf(
  { address, zone }: Pick<ClientRequest, 'address' | 'zone'>,
  certificate?: Certificate,
): Pick<RecordDraft, 'address' | 'zone' | 'certificate'> {
  return {
    ...(address === undefined ? {} : { address }),
    ...(zone === undefined ? {} : { zone }),
    ...(certificate === undefined
      ? {}
      : { certificate: { serial: certificate.serial, thumbprint: certificate.thumbprint } }),
  };
}
