import type { ConfiguredExchange } from '@countersign/contracts';
import { type Clock, isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import {
  encodeStatusRequest,
  maxRevocationOctets,
  objectIdentifiers,
  type ParsedCertificate,
  type RevocationList,
  type RevocationStatement,
  readStatusResponse,
  statusInLists,
} from '@countersign/x509';
import type { RevocationLists } from './revocation-lists.ts';

export interface RevocationDependencies {
  readonly lists: RevocationLists;
  readonly responder: string | undefined;
  readonly exchange: ConfiguredExchange['exchange'];
  readonly maxAgeMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

export type RevocationState = 'good' | 'revoked' | 'unknown';

const clockSkewMs = 60_000;
const responderTimeoutMs = 5_000;
/** Longest validity with which a certificate may do without revocation. */
const shortLivedMs = 7 * 24 * 3_600_000;

/** RFC 9608: the authority publishes no revocation. Believed only of a certificate that soon expires. */
function hasNoRevocation({ extensions, notBefore, notAfter }: ParsedCertificate): boolean {
  return extensions.has(objectIdentifiers.noRevAvail) && notAfter - notBefore <= shortLivedMs;
}

/** A statement is recent if it is younger than `maxAgeMs` and has not expired. A revocation counts however old it is. */
export function createRevocation({ lists, responder, exchange, maxAgeMs, clock, logger }: RevocationDependencies) {
  function stateOf(statement: RevocationStatement): RevocationState {
    const now = clock.now();
    const { thisUpdate, nextUpdate, revokedAt } = statement;
    if (revokedAt !== undefined) return 'revoked';
    const recent =
      thisUpdate <= now + clockSkewMs &&
      now - thisUpdate <= maxAgeMs &&
      (nextUpdate === undefined || now <= nextUpdate);
    return recent ? 'good' : 'unknown';
  }

  async function askResponder(certificate: ParsedCertificate, issuer: ParsedCertificate): Promise<RevocationState> {
    if (responder === undefined) return 'unknown';
    try {
      const { status, body } = await exchange(responder, {
        contentType: 'application/ocsp-request',
        accept: 'application/ocsp-response',
        body: encodeStatusRequest(certificate, issuer),
        plainHttp: true,
        timeoutMs: responderTimeoutMs,
        maxBytes: maxRevocationOctets,
      });
      const statement = status === 200 ? readStatusResponse(body, certificate.serial, issuer) : undefined;
      return statement === undefined ? 'unknown' : stateOf(statement);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      logger.warn({ code: error.code, internal: error.internal }, 'the responder for certificates does not answer');
      return 'unknown';
    }
  }

  function statusIn(held: readonly RevocationList[], certificate: ParsedCertificate): RevocationStatement | undefined {
    try {
      return statusInLists(held, certificate);
    } catch (error) {
      // Its distribution points cannot be read, so no list covers it.
      if (!isCodedError(error)) throw error;
      return undefined;
    }
  }

  return {
    /** @param above the authorities above the issuer on a validated path */
    async stateOf(
      certificate: ParsedCertificate,
      issuer: ParsedCertificate,
      above: readonly ParsedCertificate[],
    ): Promise<RevocationState> {
      if (hasNoRevocation(certificate)) return 'good';
      const statement = statusIn(await lists.listsOf(issuer, above), certificate);
      const listed = statement === undefined ? 'unknown' : stateOf(statement);
      return listed === 'unknown' ? askResponder(certificate, issuer) : listed;
    },
  };
}

export type Revocation = ReturnType<typeof createRevocation>;
