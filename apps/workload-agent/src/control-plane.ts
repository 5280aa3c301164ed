import { generateKeyPairSync, sign } from 'node:crypto';
import { type Clock, isCodedError, sha256Base64Url } from '@countersign/kernel';
import type { Client, Token } from '@countersign/sdk/calling';
import { buildCertificationRequest, decodePem, encodeDirectoryName, encodePem } from '@countersign/x509';
import { agentErrors } from './errors.ts';
import type { JwtSvid, Svid } from './svid.ts';

/** `renew`: only another attestation can show whether the workload is what it was. */
export type Standing =
  | { readonly is: 'active' | 'renew' }
  | { readonly is: 'ended'; readonly code: string; readonly detail: string };

/** The calls of an attester to the control plane. */
export interface AttesterDoor {
  /**
   * A certificate for the workload, with a new key.
   * @throws CodedError the refusal; `control_plane_unavailable`
   */
  obtainSvid(entry: string, gather: (key: string) => Promise<readonly object[]>): Promise<Svid>;
  /**
   * A JWT-SVID for the workload.
   * @throws CodedError the refusal; `control_plane_unavailable`
   */
  obtainToken(entry: string, audiences: readonly string[], evidence: readonly object[]): Promise<JwtSvid>;
  /** Keys that verify JWT-SVIDs, as JWKs. @throws CodedError `control_plane_unavailable` */
  obtainTokenKeys(): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /**
   * Whether the workload is still permitted, and its certificate still counts.
   * @param attestation of the current certificate, if there is one
   * @throws CodedError the refusal; `control_plane_unavailable`
   */
  readStanding(entry: string, attestation?: string): Promise<Standing>;
}

/**
 * @param options.client a client whose principal is an attester
 */
export function createAttesterDoor({
  issuer,
  client,
  clock,
}: {
  readonly issuer: string;
  readonly client: Pick<Client, 'clientCredentials' | 'callOrThrow'>;
  readonly clock: Clock;
}): AttesterDoor {
  let token: Promise<Token> | undefined;

  async function currentToken(): Promise<Token> {
    const known = await token?.catch(() => undefined);
    if (known !== undefined && known.expiresAt > clock.now() + 10_000) return known;
    token = client.clientCredentials({ resource: `${issuer}/workloads`, scope: 'workload:attest' });
    return token;
  }

  async function call(request: Parameters<Client['callOrThrow']>[1]): Promise<unknown> {
    try {
      return await client.callOrThrow(await currentToken(), request);
    } catch (error) {
      // A token can be revoked before it expires; the next call asks for another.
      if (isCodedError(error) && error.category === 'unauthenticated') token = undefined;
      throw error;
    }
  }

  return {
    async obtainSvid(entry, gather) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const spki = publicKey.export({ format: 'der', type: 'spki' });
      const evidence = await gather(sha256Base64Url(spki));
      const request = await buildCertificationRequest({
        subject: encodeDirectoryName([['commonName', entry]]),
        publicKey: spki,
        algorithm: 'ES256',
        sign: async (octets) => sign('sha256', octets, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
      });
      const answer = membersIn(
        await call({
          method: 'POST',
          url: `${issuer}/workloads/${entry}/svid`,
          body: { request: encodePem('CERTIFICATE REQUEST', request), evidence },
        }),
      );
      return {
        spiffeId: textOf(answer, 'spiffe_id'),
        chain: certificatesIn(textOf(answer, 'pem')),
        privateKey: privateKey.export({ format: 'der', type: 'pkcs8' }),
        roots: certificatesIn(textOf(answer, 'bundle')),
        notAfter: Date.parse(textOf(answer, 'not_after')),
        serial: textOf(answer, 'serial'),
        level: textOf(answer, 'level'),
        attestation: textOf(answer, 'record_id'),
      };
    },
    async obtainToken(entry, audiences, evidence) {
      const url = `${issuer}/workloads/${entry}/tokens`;
      const answer = membersIn(await call({ method: 'POST', url, body: { audiences, evidence } }));
      return { spiffeId: textOf(answer, 'spiffe_id'), token: textOf(answer, 'token') };
    },
    async obtainTokenKeys() {
      const { keys } = membersIn(await call({ method: 'GET', url: `${issuer}/workloads/bundle` }));
      if (!Array.isArray(keys)) throw strange();
      return keys.map(membersIn).filter((key) => key['use'] === 'jwt-svid');
    },
    async readStanding(entry, attestation) {
      const query = attestation === undefined ? '' : `?attestation=${encodeURIComponent(attestation)}`;
      const answer = membersIn(await call({ method: 'GET', url: `${issuer}/workloads/${entry}/standing${query}` }));
      const is = textOf(answer, 'standing');
      if (is === 'active' || is === 'renew') return { is };
      return { is: 'ended', code: textOf(answer, 'reason'), detail: textOf(answer, 'detail') };
    },
  };
}

const strange = () => agentErrors.error('control_plane_unavailable', 'The answer of the control plane is malformed.');

function membersIn(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null) throw strange();
  // Any object has string keys; its members stay unknown.
  return answer as Readonly<Record<string, unknown>>;
}

function textOf(answer: Readonly<Record<string, unknown>>, name: string): string {
  const value = answer[name];
  if (typeof value !== 'string') throw strange();
  return value;
}

function certificatesIn(pem: string): readonly Uint8Array[] {
  return pem
    .split(/(?<=-----END CERTIFICATE-----)/)
    .filter((each) => each.includes('BEGIN'))
    .map((each) => {
      const der = decodePem(each, 'CERTIFICATE');
      if (der === undefined) throw strange();
      return der;
    });
}
