import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import type { NewEnrolment } from '@countersign/contracts';
import { reimported } from '@countersign/kernel/key-pairs';
import { assembleCertificate, encodeDirectoryName } from '@countersign/x509';
import {
  contextConstructed,
  contextPrimitive,
  derElement,
  derInteger,
  derObjectIdentifier,
  derOctetString,
  derSequence,
  derSetOf,
  tags,
} from '@countersign/x509/der';

type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined };

export interface AcmeAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // Each test reads the members that it expects.
  // biome-ignore lint/suspicious/noExplicitAny: a JSON document of the server under test
  readonly body: any;
}

export interface ClientKey {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
  readonly jwk: Readonly<Record<string, string>>;
}

export function newClientKey(): ClientKey {
  const { privateKey, publicKey } = reimported(generateKeyPairSync('ec', { namedCurve: 'P-256' }));
  const { kty = '', crv = '', x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return { privateKey, publicKey, jwk: { crv, kty, x, y } };
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A flattened JWS for a test, valid or not. */
export function jwsOf(header: object, payload: unknown, { privateKey }: Pick<ClientKey, 'privateKey'>) {
  const protectedHeader = encode(header);
  const body = payload === '' ? '' : encode(payload);
  const signature = sign('sha256', Buffer.from(`${protectedHeader}.${body}`), {
    key: privateKey,
    dsaEncoding: 'ieee-p1363',
  });
  return { protected: protectedHeader, payload: body, signature: signature.toString('base64url') };
}

export function bindingOf(
  { id, secret }: Pick<NewEnrolment, 'id' | 'secret'>,
  { jwk }: Pick<ClientKey, 'jwk'>,
  url: string,
  header: object = {},
) {
  const protectedHeader = encode({ alg: 'HS256', kid: id, url, ...header });
  const payload = encode(jwk);
  const mac = createHmac('sha256', Buffer.from(secret, 'base64url')).update(`${protectedHeader}.${payload}`);
  return { protected: protectedHeader, payload, signature: mac.digest('base64url') };
}

/** A certificate request for these hosts, base64url. */
export async function requestFor(hosts: readonly string[], key = newClientKey(), commonName?: string): Promise<string> {
  const names = hosts.map((host) => derElement(contextPrimitive(2), Buffer.from(host, 'latin1')));
  const extension = derSequence(derObjectIdentifier('2.5.29.17'), derOctetString(derSequence(...names)));
  const attribute = derSequence(
    derObjectIdentifier('1.2.840.113549.1.9.14'),
    derSetOf(tags.set, [derSequence(extension)]),
  );
  const info = derSequence(
    derInteger(0),
    encodeDirectoryName(commonName === undefined ? [] : [['commonName', commonName]]),
    key.publicKey.export({ format: 'der', type: 'spki' }),
    derElement(contextConstructed(0), ...(hosts.length === 0 ? [] : [attribute])),
  );
  const signature = sign('sha256', info, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
  return Buffer.from(assembleCertificate(info, { algorithm: 'ES256', signature })).toString('base64url');
}

/**
 * An ACME client.
 * @param at where to send requests instead of the issuer: another node
 */
export function createAcmeClient({ directory, at }: { readonly directory: string; readonly at?: string }) {
  const base = directory.replace(/\/directory$/, '');
  const placeOf = (url: string): string => (at === undefined ? url : url.replace(new URL(url).origin, at));

  async function nonce(): Promise<string> {
    const answer = await fetch(placeOf(`${base}/new-nonce`), { method: 'HEAD' });
    return answer.headers.get('replay-nonce') ?? '';
  }

  async function send(url: string, body: unknown, type = 'application/jose+json'): Promise<AcmeAnswer> {
    const answer = await fetch(placeOf(url), {
      method: 'POST',
      headers: { 'content-type': type },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    });
    const text = await answer.text();
    const isJson = (answer.headers.get('content-type') ?? '').includes('json');
    return { status: answer.status, headers: answer.headers, text, body: isJson ? JSON.parse(text) : undefined };
  }

  async function post(
    url: string,
    payload: unknown,
    by: { readonly key: ClientKey; readonly kid?: string },
    header: Readonly<Record<string, Json>> = {},
  ): Promise<AcmeAnswer> {
    const who = by.kid === undefined ? { jwk: by.key.jwk } : { kid: by.kid };
    return send(url, jwsOf({ alg: 'ES256', nonce: await nonce(), url, ...who, ...header }, payload, by.key));
  }

  return {
    base,
    nonce,
    send,
    post,
    async open(enrolment: Pick<NewEnrolment, 'id' | 'secret'>, key = newClientKey()) {
      const url = `${base}/new-account`;
      const answer = await post(url, { externalAccountBinding: bindingOf(enrolment, key, url) }, { key });
      const kid = answer.headers.get('location') ?? '';
      return { key, kid, answer };
    },
    order: (account: { readonly key: ClientKey; readonly kid: string }, hosts: readonly string[], more: object = {}) =>
      post(`${base}/new-order`, { identifiers: hosts.map((value) => ({ type: 'dns', value })), ...more }, account),
    finalize: async (
      account: { readonly key: ClientKey; readonly kid: string },
      order: AcmeAnswer,
      csr: string | Promise<string>,
    ) => post(order.body.finalize, { csr: await csr }, account),
  };
}
export type AcmeClient = ReturnType<typeof createAcmeClient>;
