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
    expect(parseAuthorizationServerConfig({ issuer })).toEqual({ issuer, accessTokenLifetimeSeconds: 300 });
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
