import { generateSigningKey } from '@countersign/sdk';
import type { Key } from '../../testing/credentials.ts';
import { clearedByCompliance, doors, leis, signingAuthority } from '../../testing/firms.ts';
import { redirectUri } from '../../testing/relying-parties.ts';

export type Firm = keyof typeof leis;

interface Job {
  readonly firm: Firm;
  readonly desk?: string;
  readonly roles: readonly string[];
}

/** The staff of the firms, beside the traders of `firms.ts`. */
const jobs = {
  /** Initiates withdrawals, and could approve those of others. */
  treasurer: { firm: 'arranger', desk: 'treasury', roles: ['operations'] },
  /** Trades, and could approve other people's trades. */
  playingCoach: { firm: 'arranger', desk: 'rates', roles: ['trader', 'supervisor'] },
  firstOperator: { firm: 'arranger', desk: 'operations', roles: ['operations'] },
  secondOperator: { firm: 'arranger', desk: 'operations', roles: ['operations'] },
  thirdOperator: { firm: 'arranger', desk: 'operations', roles: ['operations'] },
  complianceOfficer: { firm: 'arranger', desk: 'compliance', roles: ['compliance'] },
  /** Releases what others have initiated and approved. */
  releaser: { firm: 'arranger', desk: 'operations', roles: ['operations'] },
  /** Check the custodian's address book entries. */
  custodiansOperator: { firm: 'custodian', roles: ['operations'] },
  custodiansCompliance: { firm: 'custodian', roles: ['compliance'] },
  brokersCompliance: { firm: 'broker', roles: ['compliance'] },
} as const satisfies Readonly<Record<string, Job>>;
export type StaffName = keyof typeof jobs;

interface Programme {
  readonly firm: Firm;
  readonly roles?: readonly string[];
  readonly grants: readonly string[];
  readonly scopes: readonly string[];
  /** Our interfaces that it may call. */
  readonly at: readonly string[];
  readonly doors?: readonly string[];
  /** Further members of its registration. */
  readonly registration?: Readonly<Record<string, unknown>>;
}

const federated = 'urn:ietf:params:oauth:grant-type:jwt-bearer';

/** Software beside that of `firms.ts`. Initiating and checking are separate programmes: no client holds both. */
const programmes = {
  'ha-desk': {
    firm: 'arranger',
    grants: [federated],
    scopes: ['withdrawal:request', 'withdrawal-address:propose', 'withdrawal-address:revoke', 'order:read'],
    at: ['transactions'],
  },
  'ha-control': {
    firm: 'arranger',
    grants: [federated, 'client_credentials'],
    scopes: [
      'order:approve',
      'order:cancel',
      'order:read',
      'withdrawal-address:approve',
      'withdrawal:approve',
      'withdrawal:release',
      'exception:read',
      'exception:resolve',
    ],
    at: ['transactions'],
  },
  /** Where people sign in and consent. */
  'ha-screen': {
    firm: 'arranger',
    grants: ['authorization_code', 'refresh_token'],
    scopes: ['openid', 'offline_access', 'order:create'],
    at: ['userinfo'],
    doors: [doors.broker],
    registration: { kind: 'human', redirect_uris: [redirectUri] },
  },
  'brk-control': {
    firm: 'broker',
    grants: [federated],
    scopes: ['exception:read', 'exception:resolve'],
    at: ['transactions'],
  },
  'ha-settlements': {
    firm: 'arranger',
    grants: ['client_credentials'],
    scopes: ['settlement:instruct', 'settlement:release', 'settlement:cancel', 'settlement:read'],
    at: ['transactions'],
  },
  'clr-settlements': {
    firm: 'clearing',
    grants: ['client_credentials'],
    scopes: ['settlement:instruct', 'settlement:release', 'settlement:cancel', 'settlement:read'],
    at: ['transactions'],
    doors: [doors.custodian],
  },
  'cus-settlements': {
    firm: 'custodian',
    grants: ['client_credentials'],
    scopes: ['settlement:instruct', 'settlement:affirm', 'settlement:read', 'withdrawal-address:propose'],
    at: ['transactions'],
    doors: [doors.custodian],
  },
  'cus-control': {
    firm: 'custodian',
    grants: ['client_credentials'],
    scopes: ['withdrawal-address:approve'],
    at: ['transactions'],
  },
  'cus-mandates': {
    firm: 'custodian',
    roles: ['signatory'],
    grants: ['client_credentials'],
    scopes: ['mandate:grant', 'mandate:revoke', 'mandate:read'],
    at: ['mandates'],
  },
} as const satisfies Readonly<Record<string, Programme>>;
export type ProgrammeName = keyof typeof programmes;

export interface Person {
  readonly id: string;
  readonly firm: Firm;
  /** The subject at their firm's identity provider. */
  readonly subject: string;
  readonly approvalKey: Key;
}

/** People and software of a workflow, with fresh keys, as registered in the directory. */
export interface Staff {
  readonly people: Readonly<Record<StaffName, Person>>;
  key(programme: ProgrammeName): Key;
  directoryDocument(): { readonly [list: string]: Record<string, unknown>[] };
}

/** @param issuers identity providers by firm */
export function createStaff(options: {
  readonly issuer: string;
  readonly identityProviders: Readonly<Partial<Record<Firm, string>>>;
}): Staff {
  const { issuer, identityProviders } = options;
  const people = mapOf(jobs, (name, { firm }: Job): Person => {
    const subject = name.toLowerCase();
    return { id: `person:${subject}`, firm, subject, approvalKey: generateSigningKey() };
  });
  const keys = mapOf(programmes, () => generateSigningKey());
  return {
    people,
    key: (programme) => keys[programme],
    directoryDocument: () => ({
      desks: ['treasury', 'operations', 'compliance'].map((name) => ({ ...desk, name })),
      people: entriesOf<StaffName, Job>(jobs).map(([name, job]) => ({
        id: people[name].id,
        institution: leis[job.firm],
        ...(job.desk === undefined ? {} : { desk: job.desk }),
        roles: [...job.roles],
        federated: federatedBy(identityProviders[job.firm], people[name].subject),
        credentials: [{ use: 'approval', jwk: jwkOf(people[name].approvalKey) }],
      })),
      services: entriesOf<ProgrammeName, Programme>(programmes).map(([name, { firm, roles = [] }]) => ({
        id: `service:${name}`,
        institution: leis[firm],
        roles: [...roles],
        ...(roles.includes('signatory') ? { signing_authority: signingAuthority } : {}),
      })),
      clients: entriesOf<ProgrammeName, Programme>(programmes).map(([name, programme]) => ({
        id: name,
        institution: leis[programme.firm],
        principal: `service:${name}`,
        grant_types: [...programme.grants],
        scopes: [...programme.scopes],
        audiences: [...programme.at.map((own) => `${issuer}/${own}`), ...(programme.doors ?? [])],
        jwks: { keys: [jwkOf(keys[name])] },
        ...programme.registration,
      })),
      resources: [{ uri: doors.custodian, institution: leis.custodian, scopes: ['settlement:instruct'] }],
    }),
  };
}

/** Every firm, screened and in order at this time: a screening is valid for a day. */
export const screenedAt = (now: number) =>
  Object.values(leis).map((institution) => {
    const found = clearedByCompliance();
    const compliance = { ...found, sanctions: { ...found.sanctions, screened_at: new Date(now).toISOString() } };
    return { institution, compliance };
  });

/** Staffed around the clock, so that no test depends on the hour. */
const desk = {
  institution: leis.arranger,
  products: ['D'],
  venues: [],
  jurisdictions: ['DE'],
  hours: { time_zone: 'UTC', opens: '00:00', closes: '24:00', days: [1, 2, 3, 4, 5, 6, 7] },
};

/** Without an identity provider of the firm nobody signs in; its people approve with their keys. */
const federatedBy = (issuer: string | undefined, subject: string) =>
  issuer === undefined ? [] : [{ issuer, subject }];

const jwkOf = (key: Key): Readonly<Record<string, string>> => ({ ...key.publicJwk, kid: key.kid });

function entriesOf<Name extends string, Value>(record: Readonly<Record<Name, Value>>): readonly [Name, Value][] {
  return Object.entries(record) as [Name, Value][];
}

function mapOf<Name extends string, Value, Made>(
  record: Readonly<Record<Name, Value>>,
  make: (name: Name, value: Value) => Made,
): Readonly<Record<Name, Made>> {
  return Object.fromEntries(entriesOf(record).map(([name, value]) => [name, make(name, value)])) as Record<Name, Made>;
}
