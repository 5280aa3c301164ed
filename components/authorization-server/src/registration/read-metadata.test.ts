import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { broker, tradingWorld } from '../testing/trading-world.ts';
import { describeClient } from './describe-client.ts';
import { documentNames, metadataPointer } from './members.ts';
import { checkUpdate, readMetadata } from './read-metadata.ts';
import { machine } from './testing/rig.ts';

const directory = tradingWorld().directory.snapshot();
const subject = { clientId: 'c-1', institution: broker };
const management = { clientId: 'c-1', issuedAt: 0, uri: 'https://as.example/register/c-1', accessToken: 't' };

const names = [
  ...documentNames.keys(),
  ...['scope', 'response_types', 'software_statement', 'subject_type', 'client_secret', 'dpop_bound_access_tokens'],
  ...[
    'tls_client_certificate_bound_access_tokens',
    'id_token_signed_response_alg',
    'client_id',
    '__proto__',
    'toString',
  ],
];

describe('metadata of any shape', () => {
  it('is read or refused with a registered error, and never causes an internal error', () => {
    const member = fc.tuple(fc.constantFrom(...names), fc.jsonValue());
    fc.assert(
      fc.property(fc.array(member, { maxLength: 12 }), fc.boolean(), (members, whole) => {
        const metadata = { ...(whole ? machine() : {}), ...Object.fromEntries(members) };
        try {
          const document = readMetadata(metadata, subject, directory);
          expect(document).toMatchObject({ id: 'c-1', institution: broker, environment: 'sandbox' });
        } catch (error) {
          if (!isCodedError(error)) throw error;
          expect(error.code).toMatch(
            /^(?:invalid_(?:client_metadata|redirect_uri|software_statement)|unapproved_software_statement)$/,
          );
        }
      }),
    );
  });

  it('that is not an object is refused', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(fc.jsonValue()), fc.string(), fc.integer(), fc.boolean(), fc.constant(null)),
        (metadata) => {
          expect(() => readMetadata(metadata, subject, directory)).toThrow(
            expect.objectContaining({ code: 'invalid_client_metadata' }),
          );
        },
      ),
    );
  });

  it('never sets the owner, the client or the environment', () => {
    for (const own of ['id', 'institution', 'environment', 'principal', 'binding', 'scopes', 'kind', 'audiences'])
      expect(readMetadata(machine({ [own]: 'mine' }), subject, directory)).not.toMatchObject({ [own]: 'mine' });
  });
});

describe('a registration', () => {
  it('is unchanged by being described and read again', () => {
    const document = fc.record(
      {
        countersign_profile: fc.constantFrom('fapi2', 'oidc'),
        countersign_kind: fc.constantFrom('machine', 'human', 'hybrid'),
        grant_types: fc.subarray(['client_credentials', 'authorization_code', 'refresh_token']),
        scope: fc.subarray(['order:create', 'order:read', 'openid']).map((scopes) => scopes.join(' ')),
        redirect_uris: fc.array(fc.webUrl(), { maxLength: 3 }),
        dpop_bound_access_tokens: fc.boolean(),
        require_signed_request_object: fc.boolean(),
        countersign_require_signed_response: fc.boolean(),
        countersign_dpop_bound_refresh_tokens: fc.boolean(),
        countersign_require_pkce: fc.boolean(),
        id_token_signed_response_alg: fc.constantFrom('ES256', 'PS256', 'RS256'),
        client_name: fc.string(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(document, (change) => {
        const read = readMetadata(machine(change), subject, directory);
        const {
          registration_access_token: _,
          registration_client_uri: __,
          client_id_issued_at: ___,
          ...sentBack
        } = describeClient(JSON.parse(JSON.stringify(read)), management);
        checkUpdate(sentBack, { clientId: 'c-1', principal: read.principal });
        expect(readMetadata(sentBack, subject, directory)).toEqual(read);
      }),
    );
  });
});

describe('a pointer into the directory’s document', () => {
  it.each([
    ['/redirect_uris/1', '/redirect_uris/1'],
    ['/jwks/keys/0/x5c/0', '/jwks/keys/0/x5c/0'],
    ['/scopes/2', '/scope'],
    ['/scopes', '/scope'],
    ['/binding', '/dpop_bound_access_tokens'],
    ['/principal', '/countersign_principal'],
    ['/audiences/0', '/countersign_audiences/0'],
    ['/id', ''],
    ['', ''],
  ])('%s is %s in the metadata', (document, metadata) => {
    expect(metadataPointer(document)).toBe(metadata);
  });
});
