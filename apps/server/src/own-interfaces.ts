import type { Configuration } from './configuration.ts';

/** Our own protected interfaces: path below the issuer, and the scopes each offers. */
export const ownInterfaces = {
  directory: ['directory:apply', 'directory:read'],
  partners: ['partner:register'],
  mandates: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
  decisions: ['decision:evaluate'],
  transactions: [
    'order:create',
    'order:cancel',
    'order:read',
    'order:approve',
    'trade:affirm',
    'trade:read',
    'settlement:instruct',
    'settlement:release',
    'settlement:read',
  ],
  evidence: ['audit:read', 'audit:export'],
  keys: ['key:rotate'],
} as const;

export type OwnInterface = keyof typeof ownInterfaces;

/** What is in the directory before anybody has applied a file: the operator, its command, and our own interfaces. */
export function directorySeed({ issuer, operator }: Configuration): unknown {
  const names = Object.keys(ownInterfaces) as OwnInterface[];
  const commandScopes = [
    'directory:apply',
    'directory:read',
    'partner:register',
    'decision:evaluate',
    'audit:read',
    'audit:export',
    'key:rotate',
    'mandate:read',
  ];
  return {
    institutions: [{ lei: operator.lei, name: operator.name, country: operator.country }],
    services: [{ id: 'service:countersign-cli', institution: operator.lei, roles: ['operator'] }],
    clients: [
      {
        id: 'countersign-cli',
        institution: operator.lei,
        principal: 'service:countersign-cli',
        grant_types: ['client_credentials'],
        scopes: commandScopes,
        audiences: names.map((name) => `${issuer}/${name}`),
        jwks: operator.jwks,
      },
    ],
    resources: names.map((name) => ({
      uri: `${issuer}/${name}`,
      institution: operator.lei,
      scopes: ownInterfaces[name],
    })),
  };
}
