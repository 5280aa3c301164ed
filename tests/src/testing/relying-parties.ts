import { X509Certificate } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { generateSigningKey } from '@countersign/sdk';
import { type Configuration, readConfiguration } from '@countersign/server';
import { createSelfSigned, createTestAuthority, freePort } from '@countersign/testkit';
import { Agent, fetch as fetchOverTls } from 'undici';
import type { RunningControlPlane } from './control-plane.ts';
import { doors, leis } from './firms.ts';
import type { Trading } from './trading.ts';

/** Certificates of a test: an authority, our second listener's, and two of clients. */
export function createCertificates() {
  const authority = createTestAuthority({ name: 'test authority' });
  return {
    authority,
    server: authority.issue({ subject: 'CN=localhost', sans: { dns: ['localhost'], ip: ['127.0.0.1'] } }),
    /** Issued by the authority. */
    issued: authority.issue({ subject: 'CN=desk,O=Arranger' }),
    selfSigned: createSelfSigned({ subject: 'CN=desk-self' }),
  };
}
export type Certificates = ReturnType<typeof createCertificates>;

/** The configuration with a second listener that asks for client certificates. */
export async function withMutualTls(configuration: Configuration, certificates: Certificates): Promise<Configuration> {
  const port = await freePort();
  const file = (name: string, content: string): string => {
    const path = join(configuration.dataFolder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return `file:${path}`;
  };
  return readConfiguration({
    ...configuration,
    mutualTls: {
      baseUrl: `https://localhost:${port}`,
      listen: { host: '127.0.0.1', port },
      certificate: file('server.pem', certificates.server.certificatePem),
      key: file('server.key', certificates.server.privateKeyPem),
      clientAuthorities: file('authorities.pem', certificates.authority.certificatePem),
    },
  });
}

/** A fetch that presents a client certificate, for clients that accept the caller's fetch. */
export function fetchWith(
  certificates: Certificates,
  own?: { readonly certificatePem: string; readonly privateKeyPem: string },
): typeof fetch {
  const dispatcher = new Agent({
    connect: {
      ca: certificates.authority.certificatePem,
      ...(own === undefined ? {} : { cert: own.certificatePem, key: own.privateKeyPem }),
    },
  });
  return (async (url: string, init: object) => fetchOverTls(url, { ...init, dispatcher } as never)) as typeof fetch;
}

export const redirectUri = 'https://desk.example/callback';
export const dashboardRedirectUri = 'https://dashboard.example/callback';

const codeFlow = { grant_types: ['authorization_code', 'refresh_token'], kind: 'human', redirect_uris: [redirectUri] };

/** Software that people of the arranger use, one registration for each way the profiles allow. */
export async function registerRelyingParties(
  controlPlane: Pick<RunningControlPlane, 'issuer' | 'operator'>,
  trading: Trading,
  certificates: Certificates,
  more: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {},
) {
  const { issuer } = controlPlane;
  const key = generateSigningKey();
  const keys = new Map<string, ReturnType<typeof generateSigningKey>>();
  const jwksOf = (name: string) => {
    const own = keys.get(name) ?? generateSigningKey();
    keys.set(name, own);
    return { jwks: { keys: [{ ...own.publicJwk, kid: own.kid }] } };
  };
  const x5c = certificates.selfSigned.der.toString('base64');
  const scopes = ['openid', 'offline_access', 'order:create'];
  const audiences = [doors.broker, `${issuer}/userinfo`];
  const fapi2 = { ...codeFlow, scopes, audiences };
  const clients = {
    'desk-dpop': { ...fapi2, ...jwksOf('desk-dpop') },
    'desk-signed': {
      ...fapi2,
      ...jwksOf('desk-signed'),
      require_signed_request_object: true,
      require_signed_response: true,
    },
    'desk-mtls': {
      ...fapi2,
      binding: 'mtls',
      token_endpoint_auth_method: 'tls_client_auth',
      tls_client_auth_subject_dn: 'CN=desk,O=Arranger',
    },
    'desk-self': {
      ...fapi2,
      binding: 'mtls',
      token_endpoint_auth_method: 'self_signed_tls_client_auth',
      jwks: { keys: [jwkOfCertificate(certificates, x5c)] },
    },
    dashboard: {
      ...codeFlow,
      ...jwksOf('dashboard'),
      profile: 'oidc',
      binding: 'none',
      scopes: ['openid'],
      audiences: [`${issuer}/userinfo`],
      redirect_uris: [dashboardRedirectUri],
      post_logout_redirect_uris: ['https://dashboard.example/goodbye'],
    },
  };
  const document = trading.firms.directoryDocument();
  const of = (list: string): Record<string, unknown>[] => document[list] ?? [];
  await controlPlane.operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: {
      ...document,
      services: [
        ...of('services'),
        ...Object.keys({ ...clients, ...more }).map((name) => ({
          id: `service:${name}`,
          institution: leis.arranger,
          roles: [],
        })),
      ],
      clients: [
        ...of('clients'),
        ...Object.entries({ ...clients, ...more }).map(([id, client]) => ({
          id,
          institution: leis.arranger,
          principal: `service:${id}`,
          ...client,
        })),
      ],
    },
  });
  return {
    keyOf(name: keyof typeof clients): ReturnType<typeof generateSigningKey> {
      return keys.get(name) ?? key;
    },
  };
}

function jwkOfCertificate({ selfSigned }: Certificates, x5c: string) {
  const jwk = publicJwkOf(selfSigned.certificatePem);
  return { ...jwk, kid: 'certificate-1', x5c: [x5c] };
}

function publicJwkOf(certificatePem: string): Readonly<Record<string, unknown>> {
  return { ...new X509Certificate(certificatePem).publicKey.export({ format: 'jwk' }) };
}
