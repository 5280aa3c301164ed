// Open Cybersecurity Schema Framework 1.8.0.

export const ocsfVersion = '1.8.0';

export interface EventClass {
  readonly uid: number;
  readonly name: string;
  readonly category: { readonly uid: number; readonly name: string };
  /** Every class also has 99 for other activities. */
  readonly activities: Readonly<Record<number, string>>;
}

const iam = { uid: 3, name: 'Identity & Access Management' };

export const eventClasses = {
  base: { uid: 0, name: 'Base Event', category: { uid: 0, name: 'Uncategorized' }, activities: {} },
  accountChange: {
    uid: 3001,
    name: 'Account Change',
    category: iam,
    activities: { 1: 'Create', 2: 'Enable', 5: 'Disable', 6: 'Delete' },
  },
  authentication: {
    uid: 3002,
    name: 'Authentication',
    category: iam,
    activities: { 1: 'Logon', 2: 'Logoff', 3: 'Authentication Ticket', 4: 'Service Ticket Request' },
  },
  authorizeSession: { uid: 3003, name: 'Authorize Session', category: iam, activities: { 1: 'Assign Privileges' } },
  entityManagement: {
    uid: 3004,
    name: 'Entity Management',
    category: iam,
    activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' },
  },
  userAccess: {
    uid: 3005,
    name: 'User Access Management',
    category: iam,
    activities: { 1: 'Assign Privileges', 2: 'Revoke Privileges' },
  },
  apiActivity: {
    uid: 6003,
    name: 'API Activity',
    category: { uid: 6, name: 'Application Activity' },
    activities: { 1: 'Create', 2: 'Read', 3: 'Update', 4: 'Delete' },
  },
} as const satisfies Readonly<Record<string, EventClass>>;
export type EventClassName = keyof typeof eventClasses;

/** The activity then has the name of the record type. */
export const otherActivity = 99;
