import { type TimeStamp, type TimeStamper, timeStampErrors } from '@countersign/contracts';
import { type Clock, isCodedError, type Random } from '@countersign/kernel';
import { encodeTimeStampRequest, readTimeStampResponse, type TimeStampResponse } from '@countersign/x509';
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
