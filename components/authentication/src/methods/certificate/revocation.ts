import type { ConfiguredExchange } from '@countersign/contracts';
import { type Clock, defined, isCodedError } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import {
  encodeStatusRequest,
  maxRevocationOctets,
  type ParsedCertificate,
  type RevocationStatement,
  readStatusResponse,
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

  return {
    async stateOf(certificate: ParsedCertificate, issuer: ParsedCertificate): Promise<RevocationState> {
      const list = await lists.listOf(issuer);
      if (list === undefined) return askResponder(certificate, issuer);
      const { thisUpdate, nextUpdate } = list;
      const revokedAt = list.revokedAt(certificate.serial);
      const listed = stateOf({
        thisUpdate,
        ...defined({ nextUpdate, revokedAt }),
      });
      return listed === 'unknown' ? askResponder(certificate, issuer) : listed;
    },
  };
}

export type Revocation = ReturnType<typeof createRevocation>;
