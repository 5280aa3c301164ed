import { type Clock, epochSeconds, type Random, systemClock, systemRandom } from '@countersign/kernel';
import { type CallRequest, createClient, type Token } from './client.ts';
import { freshJti, type SigningKey, signProof } from './keys.ts';
import { sdkErrors } from './sdk-errors.ts';
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
  const client = createClient({ issuer, clientId: 'emergency', key, proofKey: key, transport, clock, random });
  return {
    async collect(incident) {
      const url = `${issuer}/incidents/${encodeURIComponent(incident)}/token`;
      const claims = { htm: 'POST', htu: url, jti: freshJti(random), iat: epochSeconds(clock.now()) };
      const dpop = await signProof(key, claims);
      const answer = await transport.send({ method: 'POST', url, headers: { accept: 'application/json', dpop } });
      if (answer.status !== 200) throw refusalOf(answer);
      const { access_token: accessToken, scope, expires_at: expiresAt } = isObject(answer.body) ? answer.body : {};
      if (typeof accessToken !== 'string' || typeof scope !== 'string' || typeof expiresAt !== 'string')
        throw sdkErrors.error('unexpected_answer', 'The answer of the control plane has no access token.');
      return { accessToken, scope, expiresAt: Date.parse(expiresAt), authorizationDetails: [] };
    },
    call: (token, request) => client.callOrThrow(token, request),
  };
}
