import { describe, expect, it } from 'vitest';
import { parseAuthorizationServerConfig } from './config.ts';
import { broker, venue } from './testing/trading-world.ts';

describe('the configuration', () => {
  it.each([
    'https://as.example',
    'https://as.example:8443',
    'https://as.example/tenant',
    'http://127.0.0.1:8080',
    'http://localhost:1',
  ])('takes the issuer %s', (issuer) => {
    expect(parseAuthorizationServerConfig({ issuer })).toEqual({
      issuer,
      environment: 'production',
      region: 'default',
      accessTokenLifetimeSeconds: 300,
      refreshTokenLifetimeDays: 90,
      dpopNonce: 'off',
      clientKeyMaxAgeDays: 365,
      clientKeyWarnDays: 30,
      failedAuthenticationsPerMinute: 60,
      grantManagement: 'off',
      registration: 'off',
      transactionTokens: 'off',
      trustDomains: [],
      identityChaining: 'off',
      chainedIssuers: [],
    });
  });

  it.each([
    'http://as.example',
    'https://as.example/',
    'https://as.example/?x=1',
    'https://as.example#x',
    'https://u:p@as.example',
    'https://AS.example',
    'https://as.example:443',
    'as.example',
    '',
    5,
    undefined,
  ])('refuses the issuer %j', (issuer) => {
    expect(() => parseAuthorizationServerConfig({ issuer })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', detail: expect.stringContaining('/issuer') }),
    );
  });

  it.each([0, 301, 1.5, '60', null])('refuses a token lifetime of %j', (accessTokenLifetimeSeconds) => {
    expect(() => parseAuthorizationServerConfig({ issuer: 'https://as.example', accessTokenLifetimeSeconds })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });

  it.each([
    ['environment', 'test'],
    ['mtlsBaseUrl', 'https://mtls.example/'],
    ['mtlsBaseUrl', 'mtls.example'],
    ['region', 'EU/1'],
    ['region', ''],
    ['refreshTokenLifetimeDays', 366],
    ['refreshTokenLifetimeDays', 0],
    ['dpopNonce', true],
    ['clientKeyMaxAgeDays', 3_651],
    ['clientKeyWarnDays', -1],
    ['failedAuthenticationsPerMinute', 0],
    ['grantManagement', 'draft-02'],
    ['transactionTokens', 'draft-09'],
    ['transactionTokens', true],
    ['identityChaining', 'draft-16'],
    ['trustDomains', { name: 'venue.example', institutions: [venue] }],
    ['trustDomains', [{ name: '', institutions: [venue] }]],
    ['trustDomains', [{ name: 'a b', institutions: [venue] }]],
    ['trustDomains', [{ name: 'venue.example', institutions: [] }]],
    ['trustDomains', [{ name: 'venue.example', institutions: ['VENUE'] }]],
    ['trustDomains', [{ name: 'venue.example', institutions: [venue], more: true }]],
    ['trustDomains', [{ name: 'venue.example' }, null]],
    ['trustDomains', Array.from({ length: 17 }, (_, index) => ({ name: `d${index}`, institutions: [venue] }))],
    [
      'trustDomains',
      [
        { name: 'venue.example', institutions: [venue] },
        { name: 'venue.example', institutions: [broker] },
      ],
    ],
    ['chainedIssuers', [{ issuer: 'http://as.other.example', institutions: [venue] }]],
    ['chainedIssuers', [{ issuer: 'https://as.other.example?tenant=1', institutions: [venue] }]],
    ['chainedIssuers', [{ name: 'https://as.other.example', institutions: [venue] }]],
    ['chainedIssuers', [{ issuer: 'https://as.example', institutions: [venue] }]],
  ])('refuses a %s of %j', (name, value) => {
    expect(() => parseAuthorizationServerConfig({ issuer: 'https://as.example', [name]: value })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', detail: expect.stringContaining(`/${name}`) }),
    );
  });

  it('accepts every setting and is frozen afterwards', () => {
    const config = {
      issuer: 'https://as.example',
      mtlsBaseUrl: 'https://mtls.as.example:8443/as',
      environment: 'development',
      region: 'eu-1',
      accessTokenLifetimeSeconds: 60,
      refreshTokenLifetimeDays: 1,
      dpopNonce: 'required',
      clientKeyMaxAgeDays: 90,
      clientKeyWarnDays: 0,
      failedAuthenticationsPerMinute: 10,
      grantManagement: 'draft-03',
      registration: 'mounted',
      transactionTokens: 'draft-10',
      trustDomains: [{ name: 'venue.example', institutions: [venue, broker] }],
      identityChaining: 'draft-17',
      chainedIssuers: [{ issuer: 'https://as.other.example/', institutions: [broker] }],
    };
    const parsed = parseAuthorizationServerConfig(config);
    expect(parsed).toEqual(config);
    for (const part of [parsed, parsed.trustDomains, parsed.trustDomains[0], parsed.chainedIssuers[0]?.institutions])
      expect(Object.isFrozen(part)).toBe(true);
  });

  it('reports every problem at once, including misspelt settings', () => {
    expect(() => parseAuthorizationServerConfig({ issur: 'x', accessTokenLifetimeSeconds: 0 })).toThrow(
      expect.objectContaining({
        detail: expect.stringMatching(/3 problem.*\/issur.*\/issuer.*\/accessTokenLifetimeSeconds/),
      }),
    );
    expect(() => parseAuthorizationServerConfig(undefined)).toThrow(
      expect.objectContaining({ code: 'configuration_invalid' }),
    );
  });
});
