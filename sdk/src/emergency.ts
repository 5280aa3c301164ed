import { type Clock, CodedError, epochSeconds, type Random, systemClock, systemRandom } from '@countersign/kernel';
import { encodeHeader, signCompactJws } from '@countersign/oauth/signatures';
import { type CallRequest, createClient, type Token } from './client.ts';
import type { SigningKey } from './keys.ts';
import { createTransport, isObject, refusalOf, type Transport } from './transport.ts';

/** A client for the holder of emergency access. */
export interface EmergencyTool {
  /** Collects a token of some minutes, which ends the previous one. @throws CodedError with the control plane's code */
  collect(incident: string): Promise<Token>;
  /** @throws CodedError with the control plane's code */
  call(token: Token, request: CallRequest): Promise<unknown>;
}

/** @param options.key its thumbprint is declared in the incident */
export function createEmergencyTool(options: {
  readonly issuer: string;
  readonly key: SigningKey;
  readonly transport?: Transport;
  readonly clock?: Clock;
  readonly random?: Random;
}): EmergencyTool {
  const { issuer, key, transport = createTransport(), clock = systemClock, random = systemRandom } = options;
  const header = encodeHeader({ alg: key.algorithm, typ: 'dpop+jwt', jwk: key.publicJwk });
  const client = createClient({ issuer, clientId: 'emergency', key, proofKey: key, transport, clock, random });
  return {
    async collect(incident) {
      const url = `${issuer}/incidents/${encodeURIComponent(incident)}/token`;
      const claims = {
        htm: 'POST',
        htu: url,
        jti: Buffer.from(random.bytes(16)).toString('base64url'),
        iat: epochSeconds(clock.now()),
      };
      const dpop = await signCompactJws(header, claims, async (input) => key.sign(input));
      const answer = await transport.send({ method: 'POST', url, headers: { accept: 'application/json', dpop } });
      const { body } = answer;
      if (answer.status !== 200) throw refusalOf(answer);
      if (
        !isObject(body) ||
        typeof body['access_token'] !== 'string' ||
        typeof body['scope'] !== 'string' ||
        typeof body['expires_at'] !== 'string'
      )
        throw new CodedError({
          code: 'unexpected_answer',
          category: 'unavailable',
          detail: 'The control plane answered with something that is no access token.',
        });
      return {
        accessToken: body['access_token'],
        scope: body['scope'],
        expiresAt: Date.parse(body['expires_at']),
        authorizationDetails: [],
      };
    },
    call: (token, request) => client.callOrThrow(token, request),
  };
}
