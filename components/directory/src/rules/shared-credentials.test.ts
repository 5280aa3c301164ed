import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DirectoryComponent } from '../index.ts';
import { type Document, fileWithServices } from '../testing/example-clients.ts';
import { broker, exampleKeyPair } from '../testing/example-file.ts';
import { createRig, problemsOf, proposer, type Rig, refusalOf } from '../testing/rig.ts';

let rig: Rig;
let directory: DirectoryComponent;
beforeAll(async () => {
  rig = await createRig();
  directory = await rig.open();
  await directory.apply(fileWithServices(), proposer);
});
afterAll(() => rig.close());

/** Two clients of two principals with separated duties; the second spells the same credential differently. */
const pair = (one: Document, other: Document) => {
  const client = (id: string, principal: string, scope: string, more: Document): Document => ({
    id,
    institution: broker,
    principal,
    grant_types: ['client_credentials'],
    scopes: [scope],
    audiences: ['https://venue.example/orders'],
    ...more,
  });
  return {
    clients: [
      client('broker-desk', 'service:desk', 'order:create', one),
      client('broker-second', 'service:third', 'order:approve', other),
    ],
  };
};
const codesOf = async (file: unknown) =>
  directory.plan(file).then(
    () => [],
    async (error: unknown) => problemsOf(await refusalOf(Promise.reject(error))).map(({ code }) => code),
  );
const named = (kind: string, value: string): Document => ({
  token_endpoint_auth_method: 'tls_client_auth',
  [`tls_client_auth_${kind}`]: value,
});

describe('one certificate named differently by two clients', () => {
  it.each([
    ['a longer type', 'subject_dn', 'CN=desk,O=Broker', 'commonName=desk,organizationName=Broker'],
    ['object identifiers', 'subject_dn', 'CN=desk,O=Broker', '2.5.4.3=desk,2.5.4.10=Broker'],
    ['full-width letters', 'subject_dn', 'CN=desk,O=Broker', 'CN=\uff44\uff45\uff53\uff4b,O=Broker'],
    ['unnecessary escapes', 'subject_dn', 'CN=desk,O=Broker', 'CN=\\64esk,O=Broker'],
    ['an encoding', 'subject_dn', 'CN=desk,O=Broker', 'CN=#0c046465736b,O=Broker'],
    ['runs of spaces', 'subject_dn', 'CN=the desk,O=Broker', 'CN=the   desk,O=Broker'],
    ['another order in one relative name', 'subject_dn', 'CN=desk+OU=Sales,O=Broker', 'OU=Sales+CN=desk,O=Broker'],
    ['a host in capitals', 'san_dns', 'desk.broker.example', 'DESK.Broker.example'],
    ['IPv6 in full', 'san_ip', '2001:db8::1', '2001:0DB8:0:0:0:0:0:1'],
    ['IPv4 written as IPv6', 'san_ip', '192.0.2.1', '::ffff:192.0.2.1'],
    ['a mail host in capitals', 'san_email', 'desk@mail.example', 'desk@MAIL.example'],
  ])('is refused with %s', async (_, kind, one, other) => {
    expect(await codesOf(pair(named(kind, one), named(kind, other)))).toEqual(['credential_shared']);
  });

  it('is not assumed for two different names', async () => {
    expect(await codesOf(pair(named('subject_dn', 'CN=desk'), named('subject_dn', 'CN=desk2')))).toEqual([]);
    expect(await codesOf(pair(named('san_ip', '192.0.2.1'), named('san_ip', '192.0.2.2')))).toEqual([]);
  });
});

describe('one key set address written differently by two clients', () => {
  const address = 'https://desk.broker.example/keys/jwks.json';
  it.each([
    ['its port', 'https://desk.broker.example:443/keys/jwks.json'],
    ['a host in capitals', 'https://DESK.broker.EXAMPLE/keys/jwks.json'],
    ['a point behind the host', 'https://desk.broker.example./keys/jwks.json'],
    ['a query', 'https://desk.broker.example/keys/jwks.json?client=2'],
    ['an empty query', 'https://desk.broker.example/keys/jwks.json?'],
    ['dot segments', 'https://desk.broker.example/other/../keys/./jwks.json'],
    ['encoded dot segments', 'https://desk.broker.example/other/%2e%2e/keys/jwks.json'],
    ['percent-encoding', 'https://desk.broker.example/%6beys/jwks%2Ejson'],
    ['a slash more', 'https://desk.broker.example//keys/jwks.json/'],
  ])('is refused with %s', async (_, other) => {
    expect(await codesOf(pair({ jwks_uri: address }, { jwks_uri: other }))).toEqual(['credential_shared']);
  });

  it.each([
    ['https://192.0.2.1/jwks', 'https://[::ffff:192.0.2.1]/jwks'],
    ['https://192.0.2.1:8443/jwks', 'https://[::FFFF:c000:201]:8443/jwks'],
    ['https://[2001:db8::1]/jwks', 'https://[2001:DB8:0:0::1]/jwks'],
  ])('is refused at an IP address: %s, %s', async (one, other) => {
    expect(await codesOf(pair({ jwks_uri: one }, { jwks_uri: other }))).toEqual(['credential_shared']);
  });

  it('is not assumed for two different addresses', async () => {
    for (const other of [
      'https://desk.broker.example/keys/jwks2.json',
      'https://desk.broker.example:8443/keys/jwks.json',
      'https://other.broker.example/keys/jwks.json',
      'https://desk.broker.example/keys%2Fjwks.json',
    ])
      expect(await codesOf(pair({ jwks_uri: address }, { jwks_uri: other }))).toEqual([]);
  });
});

describe('one key written in two ways', () => {
  const { publicJwk } = exampleKeyPair();
  const approvalKey = (jwk: Document) => ({
    people: [
      {
        id: 'person:new.approver',
        institution: broker,
        roles: [],
        federated: [],
        credentials: [{ use: 'approval', jwk }],
      },
    ],
  });

  it.each([
    ['a member of another key type', { ...publicJwk, n: 'AQAB' }],
    ['a coordinate with a leading byte', { ...publicJwk, x: `AA${publicJwk['x']}` }],
    ['a coordinate with padding', { ...publicJwk, x: `${publicJwk['x']}=` }],
    ['a coordinate whose last bits are not zero', { ...publicJwk, x: withSpareBits(publicJwk['x'] ?? '') }],
  ])('is refused for %s', async (_, jwk) => {
    expect(await codesOf(approvalKey(jwk))).toEqual(['key_unusable']);
  });

  it('is refused as an approval key and as a client key, under whatever kid', async () => {
    const file = {
      ...approvalKey(publicJwk),
      ...pair(
        { jwks: { keys: [{ ...publicJwk, kid: 'desk' }] } },
        { jwks: { keys: [exampleKeyPair('other').publicJwk] } },
      ),
    };
    expect(await codesOf(file)).toEqual(['credential_shared']);
  });
});

/** The same octets for a decoder that ignores the bits after the last octet (RFC 4648 section 3.5). */
function withSpareBits(text: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return text.slice(0, -1) + (alphabet[alphabet.indexOf(text.slice(-1)) | 1] ?? '');
}
