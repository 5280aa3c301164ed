import { CodedError } from '@countersign/kernel';
import { sdkErrors } from './sdk-errors.ts';

/** node:tls, "X509 certificate error codes". */
const distrust =
  /^(?:ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH|INVALID_(?:CA|PURPOSE)|PATH_LENGTH_EXCEEDED|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(?:GET_ISSUER_CERT|VERIFY_LEAF_SIGNATURE)\w*|CERT_\w+)$/;
/** The server speaks plain HTTP or another TLS version, or requires credentials. */
const handshake = /^(?:EPROTO|ERR_SSL_\w+)$/;

/**
 * The error for a request without a usable response; TLS failures have their own codes. @param cause thrown by `fetch`
 * @param otherwise code for other failures
 */
export function noAnswer(
  cause: unknown,
  url: string,
  detail: string,
  otherwise = 'control_plane_unreachable',
): CodedError {
  const { origin } = new URL(url);
  const reason = codeOf(cause);
  if (distrust.test(reason))
    return sdkErrors.error(
      'server_certificate_untrusted',
      `The certificate of ${origin} is not trusted (${reason}). If it is the right server, name the certificates of its authority: --ca of the command, or NODE_EXTRA_CA_CERTS.`,
      { cause },
    );
  if (handshake.test(reason))
    return sdkErrors.error(
      'tls_failed',
      `${origin} does not complete a TLS handshake (${reason}). Is it an address of plain HTTP, or one that asks for a client certificate?`,
      { cause },
    );
  return new CodedError({ code: otherwise, category: 'unavailable', detail, cause });
}

/** `fetch` wraps the error of the connection. */
function codeOf(error: unknown): string {
  for (let each = error; each instanceof Error; each = each.cause)
    if ('code' in each && typeof each.code === 'string') return each.code;
  return '';
}
