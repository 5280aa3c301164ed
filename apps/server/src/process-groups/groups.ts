import type { KeyPurpose } from '@countersign/contracts';

/**
 * The security contexts of an installation. In a split installation each runs in its own processes, machines and networks:
 * `edge` faces the internet, `core` decides, `evidence` keeps the log, only `egress` calls external addresses, `certificate-authority` signs certificates, and
 * `secrets` leases credentials and signs requests to trading venues.
 */
export const processGroups = ['edge', 'core', 'evidence', 'egress', 'certificate-authority', 'secrets'] as const;
export type ProcessGroup = (typeof processGroups)[number];

export interface GroupParts {
  /** Components with their own database role and schema, by the name of their migrations. */
  readonly stored: readonly string[];
  /** Components that store nothing in the database. */
  readonly stateless: readonly string[];
  /** Purposes of the private keys that processes of the group open. */
  readonly keyPurposes: readonly KeyPurpose[];
}

/** Every component and every signing key belongs to exactly one group. */
export const groupParts: Readonly<Record<ProcessGroup, GroupParts>> = {
  edge: {
    stored: ['authorization-server', 'authentication', 'devices', 'recovery', 'break-glass'],
    stateless: ['pages'],
    keyPurposes: ['access-token', 'id-token', 'id-token-ps256', 'id-token-rs256', 'transaction-token'],
  },
  core: {
    stored: ['directory', 'trust-registry', 'consent-store', 'policy-engine', 'transaction-registry', 'halt'],
    stateless: [],
    keyPurposes: ['policy-bundle', 'mandate', 'envelope'],
  },
  evidence: {
    stored: ['audit-log', 'evidence-eraser', 'retention', 'time-stamping'],
    stateless: [],
    keyPurposes: ['log-checkpoint', 'time-stamp'],
  },
  egress: {
    stored: ['notices', 'event-publisher'],
    stateless: ['federation-gateway'],
    keyPurposes: ['event', 'security-event'],
  },
  'certificate-authority': {
    stored: ['certificate-authority', 'workload-identity'],
    stateless: [],
    keyPurposes: [
      'certificate-workload',
      'certificate-person',
      'certificate-device',
      'certificate-partner',
      'certificate-service',
      'certificate-status',
      'workload-token',
    ],
  },
  secrets: { stored: ['secrets'], stateless: [], keyPurposes: [] },
};

/** The names of its components, including those that store nothing. */
export function componentsOf(group: ProcessGroup): readonly string[] {
  const { stored, stateless } = groupParts[group];
  return [...stored, ...stateless];
}

/** The group of a component. A component without a group is a bug. */
export function groupOf(component: string): ProcessGroup {
  const group = processGroups.find((candidate) => componentsOf(candidate).includes(component));
  if (group === undefined) throw new Error(`the component ${component} belongs to no group of processes`);
  return group;
}
