import type { ClientId } from '@countersign/contracts';
import { namesOf } from '@countersign/kernel';
import { commandRedirectUri } from '@countersign/sdk';
import type { Configuration } from './configuration.ts';
import { operatorCommands, operatorPeople } from './operator-people.ts';

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** The product's own protected interfaces: the path below the issuer, and the scopes of each. */
export const ownInterfaces = {
  directory: ['directory:apply', 'directory:approve', 'directory:read', 'compliance:record', 'reference:record'],
  partners: ['partner:register'],
  /** Mandates, and the consents that people give to clients. */
  mandates: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
  /** `policy:read` in addition lets the caller see which policies denied the request. */
  decisions: ['decision:evaluate', 'policy:read', 'application:write'],
  /** The policies and the decisions made by them. */
  policies: ['policy:propose', 'policy:approve', 'policy:rollback', 'policy:read'],
  /** The life cycles of intents of every kind, and their exceptions. */
  transactions: [
    'order:create',
    'order:cancel',
    'order:read',
    'order:approve',
    'rfq:create',
    'rfq:respond',
    'rfq:accept',
    'trade:affirm',
    'trade:bust',
    'trade:read',
    'allocation:propose',
    'allocation:approve',
    'allocation:giveup',
    'settlement:instruct',
    'settlement:affirm',
    'settlement:release',
    'settlement:cancel',
    'settlement:read',
    'margin:pledge',
    'margin:recall',
    'collateral:transfer',
    'collateral:approve',
    'withdrawal-address:propose',
    'withdrawal-address:approve',
    'withdrawal-address:revoke',
    'withdrawal:request',
    'withdrawal:approve',
    'withdrawal:release',
    'report:submit',
    'report:correct',
    'report:read',
    'exception:read',
    'exception:resolve',
  ],
  /** Events, for the institutions that they concern. */
  events: ['event:read', 'event:subscribe'],
  /** People and desks of an institution, provisioned by its own systems (SCIM 2.0). */
  scim: ['identity:provision', 'identity:read'],
  evidence: ['audit:read', 'audit:disclose', 'audit:export'],
  /** Retention of evidence, legal holds, and pruning. */
  retention: [
    'retention:read',
    'retention:propose',
    'retention:approve',
    'legalhold:place',
    'legalhold:release',
    'erasure:propose',
    'erasure:approve',
  ],
  /** Security events (RFC 8417) about an institution's own people and clients. */
  signals: ['signal:subscribe'],
  /** Authenticators and sessions of people, for the account administrators of their institution. */
  people: [
    'authenticator:invite',
    'authenticator:read',
    'authenticator:revoke',
    'account:lock',
    'account:unlock',
    'session:read',
    'session:end',
  ],
  devices: ['device:enrol', 'device:read', 'device:report'],
  /** Recoveries of lost authenticators. People approve them on a page. */
  recoveries: ['recovery:open', 'recovery:read'],
  incidents: ['breakglass:read'],
  keys: ['key:rotate', 'key:revoke'],
  /** Certificates of our own authority, its profiles and its issuing authorities. */
  certificates: [
    'certificate:issue',
    'certificate:revoke',
    'certificate:read',
    'authority:propose',
    'authority:approve',
  ],
  /** Leased credentials, secrets, and keys of trading venues. */
  secrets: ['secret:use', 'secret:read', 'secret:revoke', 'secret:propose', 'secret:approve'],
  /** Signed requests to trading venues, for orders that were submitted. */
  venues: ['order:create', 'order:cancel', 'order:read'],
  /** The kill switch. */
  halts: ['halt:trip', 'halt:release', 'halt:approve', 'halt:read'],
  /** Registration entries of workloads, and their certificates after attestation. */
  workloads: ['workload:propose', 'workload:approve', 'workload:suspend', 'workload:attest', 'workload:read'],
  /** Its only scope is `openid`, which OpenID Connect defines. */
  userinfo: [],
  /** The scopes come from Grant Management for OAuth 2.0. */
  grants: ['grant_management_query', 'grant_management_revoke'],
  register: ['client:register'],
  revocations: ['token:revoke', 'revocation:lift', 'revocation:read'],
} as const;

export type OwnInterface = keyof typeof ownInterfaces;

/** The client to which emergency access is issued: the command collects the token. */
export const emergencyClient = 'countersign-cli' as ClientId;

/** Scopes of the operator's command. It has no scope for anything else and cannot approve its own proposals. */
const commandScopes = [
  'directory:apply',
  'directory:read',
  'partner:register',
  'decision:evaluate',
  'policy:propose',
  'policy:rollback',
  'policy:read',
  'audit:read',
  'audit:disclose',
  'audit:export',
  'retention:read',
  'retention:propose',
  'legalhold:place',
  'erasure:propose',
  'authenticator:invite',
  'authenticator:read',
  'authenticator:revoke',
  'account:lock',
  'account:unlock',
  'session:read',
  'session:end',
  'device:enrol',
  'device:read',
  'device:report',
  'recovery:open',
  'recovery:read',
  'breakglass:read',
  'key:rotate',
  'key:revoke',
  'mandate:read',
  'client:register',
  'token:revoke',
  'revocation:read',
  'certificate:issue',
  'certificate:revoke',
  'certificate:read',
  'authority:propose',
  'secret:use',
  'secret:read',
  'secret:revoke',
  'secret:propose',
  'workload:propose',
  'workload:suspend',
  'workload:read',
  'halt:trip',
  'halt:read',
];
const approverScopes = [
  'directory:approve',
  'directory:read',
  'policy:approve',
  'policy:rollback',
  'policy:read',
  'retention:read',
  'retention:approve',
  'legalhold:release',
  'erasure:approve',
  // The person who invited the approvers of a recovery must not open it.
  'recovery:open',
  'recovery:read',
  'revocation:lift',
  'revocation:read',
  'certificate:read',
  'authority:approve',
  'secret:read',
  'secret:approve',
  'workload:read',
  'workload:approve',
  'halt:release',
  'halt:read',
];

const complianceScopes = ['compliance:record', 'directory:read', 'halt:approve', 'halt:read'];

const commandFor = {
  'countersign-cli': { scopes: commandScopes, doors: undefined },
  'countersign-approver': {
    scopes: approverScopes,
    doors: [
      'certificates',
      'directory',
      'halts',
      'policies',
      'recoveries',
      'retention',
      'revocations',
      'secrets',
      'workloads',
    ],
  },
  'countersign-compliance': { scopes: complianceScopes, doors: ['directory', 'halts'] },
} as const;

/**
 * The initial content of the directory: the operator with its people, its command, the configured commands of the second person
 * and of compliance, and the product's own interfaces.
 */
export function directorySeed(configuration: Configuration): unknown {
  const { issuer, environment, operator } = configuration;
  const names = namesOf(ownInterfaces);
  const commands = operatorCommands(configuration);
  return {
    institutions: [{ lei: operator.lei, name: operator.name, country: operator.country }],
    people: operatorPeople(configuration).map((person) => ({ ...person, institution: operator.lei, credentials: [] })),
    services: commands.map(({ id, role }) => ({ id: `service:${id}`, institution: operator.lei, roles: [role] })),
    clients: commands.map(({ id, keys }) => ({
      id,
      institution: operator.lei,
      principal: `service:${id}`,
      environment: environment === 'production' ? 'production' : 'sandbox',
      kind: 'hybrid',
      // By itself the command only reads. The person who uses it carries out what changes the installation.
      grant_types: ['client_credentials', 'authorization_code', ...(environment === 'development' ? [jwtBearer] : [])],
      redirect_uris: [commandRedirectUri],
      scopes: commandFor[id].scopes,
      audiences: (commandFor[id].doors ?? names.filter((name) => name !== 'userinfo' && name !== 'grants')).map(
        (name) => `${issuer}/${name}`,
      ),
      jwks: { keys },
    })),
    resources: names.map((name) => ({
      uri: `${issuer}/${name}`,
      institution: operator.lei,
      scopes: ownInterfaces[name],
    })),
  };
}
