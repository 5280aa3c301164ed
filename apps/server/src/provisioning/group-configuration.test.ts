import { generateSigningKey } from '@countersign/sdk';
import { describe, expect, it } from 'vitest';
import { readConfiguration } from '../configuration/configuration.ts';
import { type ProcessGroup, processGroups } from '../process-groups/groups.ts';
import { groupConfiguration } from './group-configuration.ts';

const jwks = () => ({ keys: [{ ...generateSigningKey().publicJwk }] });
const installation = readConfiguration(
  JSON.parse(
    JSON.stringify({
      environment: 'production',
      issuer: 'https://identity.example.com',
      listen: { host: '0.0.0.0', port: 7420, tls: { certificate: 'file:/tls.pem', key: 'file:/tls.key' } },
      mutualTls: {
        baseUrl: 'https://mtls.identity.example.com',
        listen: { host: '0.0.0.0', port: 7421 },
        ...{ certificate: 'file:/mtls.pem', key: 'file:/mtls.key' },
      },
      dataFolder: '/var/lib/countersign',
      databaseUrl: 'file:/run/secrets/database-url',
      keyEncryptionKey: 'file:/run/secrets/installation-key',
      logOrigin: 'identity.example.com/log/2026',
      logLevel: 'info',
      operator: {
        ...{ lei: '529900T8BM49AURSDO55', name: 'Example Operator', country: 'DE', jwks: jwks() },
        approver: { jwks: jwks() },
        founders: [
          { id: 'person:ada', roles: ['operator'] },
          { id: 'person:ben', roles: ['approver'] },
        ],
      },
      accessTokenLifetimeSeconds: 300,
      notices: {
        channels: [
          { name: 'mail', webhook: { url: 'https://mail.example.com/', authorization: 'file:/run/secrets/mail' } },
        ],
      },
      timeStamps: {
        authority: {
          url: 'https://tsa.example.com/',
          certificates: 'file:/etc/tsa.pem',
          authorization: 'file:/run/secrets/tsa',
        },
      },
      publication: { witnesses: { policy: 'file:/etc/witnesses' } },
      recovery: {},
    }),
  ),
);
const here = ['localhost'];
const places = {
  names: { edge: ['::1'], core: here, evidence: here, egress: here, 'certificate-authority': here, secrets: here },
  firstPort: 7_431,
};
const configurationOf = (group: ProcessGroup) =>
  readConfiguration(groupConfiguration(installation, { group, places, folder: `/etc/countersign/${group}` }));

describe('the configuration of the process of a group', () => {
  it('names no secret of another group, and none of the installation', () => {
    const namedBy = (reference: string): readonly ProcessGroup[] =>
      processGroups.filter((group) => JSON.stringify(configurationOf(group)).includes(`"${reference}"`));
    for (const reference of ['file:/tls.key', 'file:/mtls.key']) expect(namedBy(reference)).toEqual(['edge']);
    expect(namedBy('file:/run/secrets/mail')).toEqual(['egress']);
    expect(namedBy('file:/run/secrets/tsa')).toEqual(['evidence']);
    expect(namedBy('file:/etc/witnesses')).toEqual(['evidence']);
    for (const reference of ['file:/run/secrets/database-url', 'file:/run/secrets/installation-key'])
      expect(namedBy(reference)).toEqual([]);
  });

  it('keeps the settings that several groups need to decide alike', () => {
    for (const group of processGroups)
      expect(configurationOf(group)).toMatchObject({
        issuer: installation.issuer,
        operator: installation.operator,
        logOrigin: installation.logOrigin,
        recovery: {},
      });
  });

  it('has a port for each process, and writes IPv6 addresses as URLs do', () => {
    const ports = processGroups.flatMap((group) => {
      const { listen, process } = configurationOf(group);
      return [listen.port, process?.listen.port];
    });
    expect(ports).toEqual([7420, 7431, 7438, 7432, 7439, 7433, 7440, 7434, 7441, 7435, 7442, 7436]);
    expect(configurationOf('core').process?.peers.edge).toEqual(['https://[::1]:7431']);
    expect(configurationOf('edge').mutualTls).toEqual(installation.mutualTls);
  });
});
