import { generateKeyPairSync, sign } from 'node:crypto';
import { type Clock, isCodedError } from '@countersign/kernel';
import type { Client, Token } from '@countersign/sdk/calling';
import { buildCertificationRequest, decodePem, encodeDirectoryName, encodePem } from '@countersign/x509';
import { agentErrors } from './errors.ts';
import type { Svid } from './svid.ts';

/** The control plane, as an attester uses it. */
export interface AttesterDoor {
  /** A new key, certified for the workload. @throws CodedError the refusal; `control_plane_unavailable` */
  obtainSvid(entry: string, evidence: readonly object[]): Promise<Svid>;
  /** Why the workload may have nothing any more; undefined while it may. @throws CodedError as above */
  findEnd(entry: string): Promise<{ readonly code: string; readonly detail: string } | undefined>;
}

/** @param options.client a client whose principal is an attester */
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
    async obtainSvid(entry, evidence) {
      const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
      const request = await buildCertificationRequest({
        subject: encodeDirectoryName([['commonName', entry]]),
        publicKey: publicKey.export({ format: 'der', type: 'spki' }),
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
      };
    },
    async findEnd(entry) {
      const answer = membersIn(await call({ method: 'GET', url: `${issuer}/workloads/${entry}/standing` }));
      return textOf(answer, 'standing') === 'active'
        ? undefined
        : { code: textOf(answer, 'reason'), detail: textOf(answer, 'detail') };
    },
  };
}

const strange = () =>
  agentErrors.error('control_plane_unavailable', 'The control plane gave an answer of another form.');

function membersIn(answer: unknown): Readonly<Record<string, unknown>> {
  if (typeof answer !== 'object' || answer === null) throw strange();
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
