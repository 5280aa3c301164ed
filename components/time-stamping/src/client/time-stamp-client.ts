import { type TimeStamp, type TimeStamper, timeStampErrors } from '@countersign/contracts';
import { type Clock, isCodedError, type Random } from '@countersign/kernel';
import { encodeTimeStampRequest, readTimeStampResponse, type TimeStampResponse } from '@countersign/x509';
import type { AuthorityCertificates } from '../authority/authority-certificates.ts';
import type { TimeStampAuthority } from '../authority/time-stamp-authority.ts';
import { type AcceptedTokens, acceptToken } from './accept-token.ts';
import type { TimeStampExchange } from './time-stamp-exchange.ts';

export interface TimeStampClientDependencies extends AcceptedTokens {
  readonly exchange: TimeStampExchange;
  /** Object identifier; by default the authority chooses. */
  readonly policy?: string;
  readonly clock: Clock;
  readonly random: Random;
}

/** Obtains time stamps from another authority and verifies digest, nonce, signer and time at once. */
export function createTimeStampClient(dependencies: TimeStampClientDependencies): TimeStamper {
  const { exchange, policy, clock, random } = dependencies;
  return {
    async stamp(digest): Promise<TimeStamp> {
      const nonce = BigInt(`0x${Buffer.from(random.bytes(16)).toString('hex')}`);
      const request = encodeTimeStampRequest({
        imprint: { hash: 'sha256', digest },
        nonce,
        certificateWanted: true,
        ...(policy === undefined ? {} : { policy }),
      });
      const response = read(await exchange(request));
      if (!response.granted) {
        const words = [...response.failures, response.text.slice(0, 500)].filter((word) => word !== '').join(': ');
        throw timeStampErrors.error(
          'timestamp_refused',
          `The time-stamping authority refused (status ${response.status}${words === '' ? '' : `; ${words}`}).`,
        );
      }
      return acceptToken({ token: response.token, digest, nonce }, dependencies, clock);
    },
  };
}

function read(octets: Uint8Array): TimeStampResponse {
  try {
    return readTimeStampResponse(octets);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw timeStampErrors.error('timestamp_invalid', `The authority's answer cannot be read. ${error.detail}`, {
      cause: error,
    });
  }
}

/** Our own authority, without HTTP: adds no trust to the log's own time, but other tools can read it. */
export function createOwnTimeStamper(dependencies: {
  readonly authority: TimeStampAuthority;
  readonly certificates: AuthorityCertificates;
  readonly clock: Clock;
}): TimeStamper {
  const { authority, certificates, clock } = dependencies;
  return {
    async stamp(digest) {
      const token = await authority.issue({ imprint: { hash: 'sha256', digest }, certificateWanted: true });
      return acceptToken({ token, digest }, { trusted: { certificates: await certificates.all() } }, clock);
    },
  };
}
