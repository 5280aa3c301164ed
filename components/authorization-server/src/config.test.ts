import { describe, expect, it } from 'vitest';
import { parseAuthorizationServerConfig } from './config.ts';

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

  it.each([0, 301, 1.5, '60', null])('refuses a token life of %j', (accessTokenLifetimeSeconds) => {
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
  ])('refuses a %s of %j', (name, value) => {
    expect(() => parseAuthorizationServerConfig({ issuer: 'https://as.example', [name]: value })).toThrow(
      expect.objectContaining({ code: 'configuration_invalid', detail: expect.stringContaining(`/${name}`) }),
    );
  });

  it('takes every setting, and none of them can be changed afterwards', () => {
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
    };
    const parsed = parseAuthorizationServerConfig(config);
    expect(parsed).toEqual(config);
    expect(Object.isFrozen(parsed)).toBe(true);
  });

  it('reports every problem at once, misspelt settings included', () => {
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
