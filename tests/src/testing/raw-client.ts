import { createHash, randomUUID } from 'node:crypto';
import { generateSigningKey } from '@countersign/sdk';
import { clientAssertionType, type Key } from './credentials.ts';
import { send, type WireAnswer, type WireRequest } from './wire.ts';

/** Parameters of a form in the order in which they are sent; one may occur twice. */
export type Fields = readonly (readonly [name: string, value: string])[];

/** Members to set; one that is `undefined` is left out. */
export type Change = Readonly<Record<string, unknown>>;

export const formType = 'application/x-www-form-urlencoded';

export const seconds = (): number => Math.floor(Date.now() / 1000);

export function encodeFields(fields: Fields): string {
  return fields.map((pair) => pair.map(encodeURIComponent).join('=')).join('&');
}

/** Signs whatever it is given, valid or not. */
export function signJwt(key: Pick<Key, 'sign'>, header: Change, claims: unknown): string {
  const input = [header, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  return `${input}.${Buffer.from(key.sign(Buffer.from(input))).toString('base64url')}`;
}

/** The claims of a JWT, without verification. */
export function claimsIn(jwt: string): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString())));
}

export interface PostOptions {
  /** Replaces the fresh proof by these, or none. */
  readonly dpop?: readonly string[];
  readonly headers?: WireRequest['headers'];
  readonly tls?: WireRequest['tls'];
  readonly from?: string;
  /** The actual target, if it differs from the address that the client uses. */
  readonly to?: string;
}

/** A confidential client that signs its own credentials, and can be made to sign invalid ones. */
export interface RawClient {
  readonly id: string;
  readonly key: Key;
  /** Its tokens are bound to this key. */
  readonly proofKey: Key;
  /** RFC 7523 section 2.2. */
  assertion(claims?: Change, header?: Change): string;
  /** RFC 9449 section 4.2, for a POST to `url` unless the claims say otherwise. */
  proof(url: string, claims?: Change, header?: Change): string;
  /** RFC 9101 section 4. */
  requestObject(parameters: Change, claims?: Change, header?: Change): string;
  authentication(): Fields;
  /** Posts to a path of the issuer with fresh credentials. */
  post(path: string, fields: Fields, options?: PostOptions): Promise<WireAnswer>;
  /** Posts only these fields. */
  postOnly(path: string, fields: Fields, options?: PostOptions): Promise<WireAnswer>;
  /** Calls a protected interface with a token that is bound to its proof key. */
  call(url: string, accessToken: string, options?: { readonly method?: string }): Promise<WireAnswer>;
}

export function rawClient(of: {
  readonly issuer: string;
  readonly id: string;
  readonly key: Key;
  readonly proofKey?: Key;
  /** False for one whose tokens are not bound by DPoP. */
  readonly proves?: boolean;
}): RawClient {
  const { issuer, id, key, proofKey = generateSigningKey(), proves = true } = of;
  const client: RawClient = {
    id,
    key,
    proofKey,
    assertion: (claims = {}, header = {}) =>
      signJwt(
        key,
        { alg: 'ES256', typ: 'client-authentication+jwt', kid: key.kid, ...header },
        { iss: id, sub: id, aud: issuer, jti: randomUUID(), iat: seconds(), exp: seconds() + 60, ...claims },
      ),
    proof: (url, claims = {}, header = {}) =>
      signJwt(
        proofKey,
        { alg: 'ES256', typ: 'dpop+jwt', jwk: proofKey.publicJwk, ...header },
        { htm: 'POST', htu: url, jti: randomUUID(), iat: seconds(), ...claims },
      ),
    requestObject: (parameters, claims = {}, header = {}) =>
      signJwt(
        key,
        { alg: 'ES256', typ: 'oauth-authz-req+jwt', kid: key.kid, ...header },
        {
          ...parameters,
          client_id: id,
          iss: id,
          aud: issuer,
          nbf: seconds(),
          exp: seconds() + 60,
          jti: randomUUID(),
          ...claims,
        },
      ),
    authentication: () => [
      ['client_id', id],
      ['client_assertion_type', clientAssertionType],
      ['client_assertion', client.assertion()],
    ],
    post: (path, fields, options) => client.postOnly(path, [...client.authentication(), ...fields], options),
    postOnly(path, fields, options = {}) {
      const dpop = options.dpop ?? (proves ? [client.proof(issuer + path)] : []);
      return send({
        method: 'POST',
        url: (options.to ?? issuer) + path,
        headers: { 'content-type': formType, ...(dpop.length === 0 ? {} : { dpop }), ...options.headers },
        body: encodeFields(fields),
        ...(options.tls === undefined ? {} : { tls: options.tls }),
        ...(options.from === undefined ? {} : { from: options.from }),
      });
    },
    call(url, accessToken, { method = 'GET' } = {}) {
      const ath = createHash('sha256').update(accessToken).digest('base64url');
      const dpop = client.proof(url, { htm: method, ath });
      return send({ method, url, headers: { authorization: `DPoP ${accessToken}`, dpop } });
    },
  };
  return client;
}
