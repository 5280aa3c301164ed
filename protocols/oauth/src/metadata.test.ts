import { describe, expect, it } from 'vitest';
import { metadataUrl, openidConfigurationUrl, parseMetadata, protectedResourceMetadataUrl } from './metadata.ts';

const issuer = 'https://as.example';
const document = { issuer, token_endpoint: `${issuer}/token`, jwks_uri: `${issuer}/jwks` };

describe('authorization server metadata', () => {
  it('is at the well-known segment between host and path', () => {
    expect(metadataUrl(issuer)).toBe('https://as.example/.well-known/oauth-authorization-server');
    expect(metadataUrl('https://as.example/tenant/a')).toBe(
      'https://as.example/.well-known/oauth-authorization-server/tenant/a',
    );
    expect(metadataUrl('https://as.example/tenant/')).toBe(
      'https://as.example/.well-known/oauth-authorization-server/tenant',
    );
  });

  it('is at the end of the path for OpenID Connect', () => {
    expect(openidConfigurationUrl(issuer)).toBe('https://as.example/.well-known/openid-configuration');
    expect(openidConfigurationUrl('https://as.example/tenant/')).toBe(
      'https://as.example/tenant/.well-known/openid-configuration',
    );
  });

  it('gives a verifier the key set and the token endpoint', () => {
    expect(parseMetadata(document, issuer)).toEqual({
      issuer,
      jwksUri: `${issuer}/jwks`,
      tokenEndpoint: `${issuer}/token`,
    });
  });

  it('of another issuer is refused, however small the difference', () => {
    for (const other of ['https://evil.example', `${issuer}/`, undefined, [issuer]])
      expect(() => parseMetadata({ ...document, issuer: other }, issuer)).toThrow(
        expect.objectContaining({ code: 'metadata_issuer' }),
      );
  });

  it.each([
    ['no object', 'text'],
    ['null', null],
    ['without a key set', { ...document, jwks_uri: undefined }],
    ['with keys at another origin', { ...document, jwks_uri: 'https://evil.example/jwks' }],
    ['with a token endpoint without TLS', { ...document, token_endpoint: 'http://as.example/token' }],
    ['with a relative key set', { ...document, jwks_uri: '/jwks' }],
  ])('that is %s is refused', (_, value) => {
    expect(() => parseMetadata(value, issuer)).toThrow(expect.objectContaining({ code: 'metadata_invalid' }));
  });
});

describe('protected resource metadata', () => {
  it.each([
    ['https://venue.example', 'https://venue.example/.well-known/oauth-protected-resource'],
    ['https://venue.example/', 'https://venue.example/.well-known/oauth-protected-resource'],
    ['https://venue.example/orders', 'https://venue.example/.well-known/oauth-protected-resource/orders'],
    ['https://venue.example/orders/', 'https://venue.example/.well-known/oauth-protected-resource/orders/'],
    ['https://venue.example/?a=1', 'https://venue.example/.well-known/oauth-protected-resource?a=1'],
    ['https://venue.example/o?a=1', 'https://venue.example/.well-known/oauth-protected-resource/o?a=1'],
  ])('of %s is at the well-known segment between host and path', (resource, url) => {
    expect(protectedResourceMetadataUrl(resource)).toBe(url);
  });
});
