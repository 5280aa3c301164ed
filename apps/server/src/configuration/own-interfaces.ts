import type { ClientId } from '@countersign/contracts';
import { commandRedirectUri } from '@countersign/sdk';
import type { Configuration } from './configuration.ts';
import { operatorCommands, operatorPeople } from './operator-people.ts';

const jwtBearer = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Our own protected interfaces: path below the issuer, and the scopes each offers. */
export const ownInterfaces = {
  directory: ['directory:apply', 'directory:approve', 'directory:read', 'compliance:record', 'reference:record'],
  partners: ['partner:register'],
  /** Mandates, and the grants that people give to software. */
  mandates: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
  /** Reading the policies beside evaluating shows why not, in the policies' own words. */
  decisions: ['decision:evaluate', 'policy:read', 'application:write'],
  /** The rules that decisions are made by, and what was decided by them. */
  policies: ['policy:propose', 'policy:approve', 'policy:rollback', 'policy:read'],
  /** The lives of intents of every kind, and what could not be carried on. */
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
  /** What has happened, for those it concerns. */
  events: ['event:read', 'event:subscribe'],
  /** People and desks of a firm, as its own systems have them (SCIM 2.0). */
  scim: ['identity:provision', 'identity:read'],
  evidence: ['audit:read', 'audit:disclose', 'audit:export'],
  /** How long evidence is kept, what must stay, and what may go. */
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
  /** The authenticators and sessions of people, for those who run their firm's accounts. */
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
  /** Lost factors. Approving one is done by people, on a page. */
  recoveries: ['recovery:open', 'recovery:read'],
  incidents: ['breakglass:read'],
  keys: ['key:rotate', 'key:revoke'],
  /** Its scope, `openid`, is one of the protocol's and none of the market's. */
  userinfo: [],
  /** Like userinfo: its scopes are the protocol's (Grant Management for OAuth). */
  grants: ['grant_management_query', 'grant_management_revoke'],
  register: ['client:register'],
  revocations: ['token:revoke', 'revocation:lift', 'revocation:read'],
} as const;

export type OwnInterface = keyof typeof ownInterfaces;

/** In whose name emergency access is issued: the command collects it. */
export const emergencyClient = 'countersign-cli' as ClientId;

/** What the operator's command may do. What it may not, it cannot be asked for: it approves nothing of its own. */
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
  // Who has invited those who approve a recovery does not open it.
  'recovery:open',
  'recovery:read',
  'revocation:lift',
  'revocation:read',
];

const complianceScopes = ['compliance:record', 'directory:read'];

const commandFor = {
  'countersign-cli': { scopes: commandScopes, doors: undefined },
  'countersign-approver': {
    scopes: approverScopes,
    doors: ['directory', 'policies', 'recoveries', 'retention', 'revocations'],
  },
  'countersign-compliance': { scopes: complianceScopes, doors: ['directory'] },
} as const;

/**
 * What is in the directory before anybody has applied a file: the operator with its people, its command, the commands of the
 * second person and of compliance where they are configured, and our own interfaces.
 */
export function directorySeed(configuration: Configuration): unknown {
  const { issuer, environment, operator } = configuration;
  const names = Object.keys(ownInterfaces) as OwnInterface[];
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
      // By itself it reads; what governs is done by the person who uses it.
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
