import { isCodedError } from '@countersign/kernel';
import { generateSigningKey } from '@countersign/sdk';
import { describe, expect, it } from 'vitest';
import { type Configuration, readConfiguration } from './configuration.ts';

const keys = new Map<string, Readonly<Record<string, string>>>();
/** The same key for the same name. */
const jwk = (name: string): Readonly<Record<string, string>> => {
  const made = keys.get(name) ?? { ...generateSigningKey().publicJwk, kid: name };
  keys.set(name, made);
  return made;
};
const ada = { id: 'person:ada', roles: ['operator'] };
const production = {
  environment: 'production',
  issuer: 'https://identity.example.com',
  listen: { host: '127.0.0.1', port: 7420 },
  dataFolder: '/var/lib/countersign',
  databaseUrl: 'file:/run/secrets/database-url',
  keyEncryptionKey: 'file:/run/secrets/key-encryption-key',
  logOrigin: 'identity.example.com/log/2026',
  logLevel: 'info',
  operator: {
    lei: '529900T8BM49AURSDO55',
    name: 'Example Operator',
    country: 'DE',
    jwks: { keys: [jwk('operator')] },
    approver: { jwks: { keys: [jwk('approver')] } },
    founders: [ada, { id: 'person:ben', roles: ['approver'] }],
  },
  accessTokenLifetimeSeconds: 300,
};
const mutualTls = {
  baseUrl: 'https://mtls.identity.example.com',
  listen: { host: '0.0.0.0', port: 7421 },
  certificate: 'file:/run/secrets/mtls.pem',
  key: 'file:/run/secrets/mtls.key',
  clientAuthorities: 'file:/etc/countersign/client-authorities.pem',
  proxies: ['A'.repeat(43)],
};
const development = {
  ...production,
  environment: 'development',
  issuer: 'http://127.0.0.1:7420',
  operator: { ...production.operator, approver: undefined },
};

const peer = (port: number): readonly string[] => [`https://127.0.0.1:${port}`];
const ofCore = {
  group: 'core',
  listen: { host: '0.0.0.0', port: 7432 },
  certificate: 'file:/run/secrets/process.pem',
  key: 'file:/run/secrets/process.key',
  authorities: 'file:/run/secrets/authorities.pem',
  doors: [{ listener: 'HTTP', baseUrl: 'https://identity.example.com', zone: 'main' }],
  peers: {
    edge: peer(7431),
    evidence: peer(7433),
    egress: peer(7434),
    'certificate-authority': peer(7435),
    secrets: peer(7436),
  },
};

/** JSON as read from a file: undefined members are missing. */
const read = (input: object): Configuration => readConfiguration(JSON.parse(JSON.stringify(input)));
function refusalOf(input: object): { readonly code: string; readonly detail: string } {
  try {
    read(input);
  } catch (error) {
    if (isCodedError(error)) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

describe('a configuration', () => {
  it('has every default in its place, and is frozen', () => {
    const configuration = read(production);
    expect(configuration).toMatchObject({
      region: 'default',
      dpopNonce: 'optional',
      keys: { rotateEveryDays: 90, signAtMostDays: 180, clientKeyMaxAgeDays: 365, clientKeyWarnDays: 30 },
      features: {},
      amounts: { baseCurrency: 'EUR', rateMaxAgeHours: 96 },
    });
    expect(configuration.mutualTls).toBeUndefined();
    for (const part of [configuration, configuration.keys, configuration.features, configuration.operator.jwks])
      expect(Object.isFrozen(part)).toBe(true);
    expect(read(configuration)).toEqual(configuration);
  });

  it('may hold more settings', () => {
    const more = {
      ...production,
      listen: { ...production.listen, host: '0.0.0.0', tls: { certificate: 'file:/c.pem', key: 'env:KEY' } },
      mutualTls,
      region: 'eu-1',
      amounts: { baseCurrency: 'CHF', rateMaxAgeHours: 24 },
      keys: { rotateEveryDays: 30 },
      dpopNonce: 'required',
      features: { transactionTokens: 'draft-10', identityChaining: 'draft-17', grantManagement: 'draft-03' },
      trustDomains: [{ name: 'trust.example.com', institutions: [production.operator.lei] }],
      chainedIssuers: [{ issuer: 'https://as.partner.example/', institutions: [production.operator.lei] }],
    };
    expect(read(more)).toMatchObject({
      ...more,
      keys: { rotateEveryDays: 30, signAtMostDays: 60, clientKeyMaxAgeDays: 365 },
    });
  });

  it.each([
    ['an unknown setting', { mutualTLS: mutualTls }],
    ['a secret in place of its reference', { mutualTls: { ...mutualTls, key: '-----BEGIN PRIVATE KEY-----' } }],
    ['plain HTTP for mutual TLS', { mutualTls: { ...mutualTls, baseUrl: 'http://mtls.example.com' } }],
    ['a path in the address for mutual TLS', { mutualTls: { ...mutualTls, baseUrl: 'https://mtls.example.com/a' } }],
    ['a proxy by name', { mutualTls: { ...mutualTls, proxies: ['CN=proxy'] } }],
    ['a certificate without its key', { listen: { ...production.listen, tls: { certificate: 'file:/c.pem' } } }],
    ['a region that is not a label', { region: 'EU 1' }],
    ['an invalid base currency', { amounts: { baseCurrency: 'eur' } }],
    ['rates of any age', { amounts: { rateMaxAgeHours: 0 } }],
    ['keys that never rotate', { keys: { rotateEveryDays: 0 } }],
    ['a feature that is merely on', { features: { grantManagement: true } }],
    ['a revision that is not implemented', { features: { transactionTokens: 'draft-09' } }],
    ['a feature that does not exist', { features: { implicitFlow: 'draft-01' } }],
    ['nonces that are off', { dpopNonce: 'off' }],
    ['a trust domain without institutions', { trustDomains: [{ name: 'trust.example.com', institutions: [] }] }],
    ['a trust domain by name alone', { trustDomains: [{ name: 'trust.example.com' }] }],
    [
      'a chained issuer for an institution by name',
      { chainedIssuers: [{ issuer: 'https://a.example', institutions: ['X'] }] },
    ],
  ])('with %s is refused', (_, change) => {
    expect(refusalOf({ ...production, ...change }).code).toBe('configuration_invalid');
  });

  it.each([
    ['the same address for both listeners', { mutualTls: { ...mutualTls, baseUrl: production.issuer } }, 'baseUrl'],
    [
      'the same port for both listeners',
      { mutualTls: { ...mutualTls, listen: production.listen } },
      'mutualTls.listen',
    ],
    ['keys that end before they rotate', { keys: { rotateEveryDays: 30, signAtMostDays: 30 } }, 'keys.signAtMostDays'],
    ['a warning that comes after the end', { keys: { clientKeyMaxAgeDays: 20 } }, 'clientKeyWarnDays'],
    ['one founder twice', { operator: { ...production.operator, founders: [ada, ada] } }, 'operator.founders'],
    [
      'one key for operator and approver',
      { operator: { ...production.operator, approver: { jwks: { keys: [{ ...jwk('operator'), kid: 'other' }] } } } },
      'approver',
    ],
    [
      'one key for operator and compliance',
      { operator: { ...production.operator, compliance: { jwks: { keys: [{ ...jwk('operator'), kid: 'other' }] } } } },
      'compliance',
    ],
    [
      'one key for approver and compliance',
      { operator: { ...production.operator, compliance: { jwks: { keys: [{ ...jwk('approver'), kid: 'other' }] } } } },
      'compliance',
    ],
  ])('with %s is inconsistent', (_, change, setting) => {
    const { code, detail } = refusalOf({ ...production, ...change });
    expect(code).toBe('configuration_invalid');
    expect(detail).toContain(setting);
  });

  it.each([
    ['with a member of another key type', { ...jwk('operator'), n: 'AQAB' }],
    ['with a leading byte', { ...jwk('operator'), x: `AA${jwk('operator')['x']}` }],
    ['with padding', { ...jwk('operator'), x: `${jwk('operator')['x']}=` }],
  ])('is refused if an approver has the operator’s key, written %s', (_, spelled) => {
    const operator = { ...production.operator, approver: { jwks: { keys: [spelled] } } };
    const { code, detail } = refusalOf({ ...production, operator });
    expect(code).toBe('configuration_invalid');
    expect(detail).toContain('operator.approver.jwks.keys[0]');
  });

  it('does not repeat refused values, which may be secrets', () => {
    const { detail } = refusalOf({
      ...production,
      keyEncryptionKey: 'c2VjcmV0',
      databaseUrl: 'postgres://u:secret@h/d',
    });
    expect(detail).not.toMatch(/c2VjcmV0|secret@/);
  });
});

describe('outside development', () => {
  it.each([
    ['an issuer without https', { issuer: 'http://identity.example.com' }, 'issuer'],
    ['the embedded database', { databaseUrl: undefined }, 'databaseUrl'],
    ['no second person', { operator: { ...production.operator, approver: undefined } }, 'approver'],
    ['no founders', { operator: { ...production.operator, founders: undefined } }, 'operator.founders'],
    ['one person who governs', { operator: { ...production.operator, founders: [ada] } }, 'operator.founders'],
    [
      'one who governs and one who does not',
      { operator: { ...production.operator, founders: [ada, { id: 'person:cora', roles: ['compliance'] }] } },
      'operator.founders',
    ],
    ['no time to notice a new address', { addressBook: { coolingOffHours: 0 } }, 'addressBook'],
    ['plain HTTP to other machines', { listen: { host: '0.0.0.0', port: 7420 } }, 'listen'],
    ['plain HTTP to other machines by IPv6', { listen: { host: '::', port: 7420 } }, 'listen'],
  ])('%s is refused', (_, change, setting) => {
    const { code, detail } = refusalOf({ ...production, ...change });
    expect(code).toBe('configuration_unsafe');
    expect(detail).toContain(`${setting}`);
  });

  it('everything unsafe is reported at once', () => {
    const { detail } = refusalOf({ ...production, issuer: 'http://a.example', databaseUrl: undefined });
    expect(detail).toMatch(/issuer.*databaseUrl/);
  });
});

describe('development', () => {
  it('needs no second person, no external database and no TLS', () => {
    expect(read({ ...development, databaseUrl: undefined }).environment).toBe('development');
  });

  it.each([
    ['issuer', { issuer: 'https://identity.example.com' }],
    ['mutualTls.baseUrl', { mutualTls }],
  ])('stays on loopback: %s', (setting, change) => {
    const { code, detail } = refusalOf({ ...development, ...change });
    expect(code).toBe('configuration_unsafe');
    expect(detail).toContain(setting);
  });

  it('may have mutual TLS on loopback', () => {
    expect(
      read({ ...development, mutualTls: { ...mutualTls, baseUrl: 'https://localhost:7421' } }).mutualTls,
    ).toBeDefined();
  });
});

describe('the configuration of one process', () => {
  it('names its group and the addresses of the others', () => {
    expect(read({ ...production, process: ofCore }).process).toEqual(ofCore);
    expect(read(production).process).toBeUndefined();
  });

  it.each([
    ['a group that does not exist', { group: 'admin' }],
    ['peers by plain HTTP', { peers: { ...ofCore.peers, edge: ['http://127.0.0.1:7431'] } }],
    ['peers with a path', { peers: { ...ofCore.peers, edge: ['https://127.0.0.1:7431/edge'] } }],
    ['peers with an account', { peers: { ...ofCore.peers, edge: ['https://a:b@127.0.0.1:7431'] } }],
    ['peers as one address', { peers: { ...ofCore.peers, edge: 'https://127.0.0.1:7431' } }],
    ['peers of a group without an address', { peers: { ...ofCore.peers, edge: [] } }],
    ['peers that do not exist', { peers: { ...ofCore.peers, admin: peer(7435) } }],
    ['a key in place of its reference', { key: '-----BEGIN PRIVATE KEY-----' }],
    ['no authorities', { authorities: undefined }],
    ['some of its components, which no process can run without the others', { components: ['directory'] }],
  ])('with %s is refused', (_, change) => {
    expect(refusalOf({ ...production, process: { ...ofCore, ...change } }).code).toBe('configuration_invalid');
  });

  it.each([
    ['no peers of another group', { peers: { ...ofCore.peers, evidence: undefined } }, 'process.peers.evidence'],
    ['peers of its own group', { peers: { ...ofCore.peers, core: peer(7435) } }, 'process.peers.core'],
    ['the port of its interfaces', { listen: production.listen }, 'process.listen'],
  ])('with %s is inconsistent', (_, change, setting) => {
    const { code, detail } = refusalOf({ ...production, process: { ...ofCore, ...change } });
    expect(code).toBe('configuration_invalid');
    expect(detail).toContain(setting);
  });

  it('needs a database shared by all processes, in development too', () => {
    for (const base of [production, development]) {
      const { code, detail } = refusalOf({ ...base, databaseUrl: undefined, process: ofCore });
      expect(code).toBe('configuration_invalid');
      expect(detail).toContain('databaseUrl');
    }
  });

  it('is checked for safety like that of the installation', () => {
    const { code, detail } = refusalOf({ ...production, listen: { host: '0.0.0.0', port: 7420 }, process: ofCore });
    expect(code).toBe('configuration_unsafe');
    expect(detail).toContain('listen');
  });
});
