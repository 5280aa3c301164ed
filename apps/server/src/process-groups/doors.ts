import type { ProcessGroup } from './groups.ts';

/**
 * Path prefixes that another group than edge serves. Edge forwards their requests and serves all other paths itself. The
 * longest prefix wins.
 */
export const pathsOfOtherGroups: Readonly<Record<Exclude<ProcessGroup, 'edge'>, readonly string[]>> = {
  core: [
    '/directory',
    '/partners',
    '/scim',
    '/mandates',
    '/grants',
    '/access',
    '/.well-known/authzen-configuration',
    '/decisions',
    '/policies',
    '/transactions',
    '/approve',
    '/halts',
    '/keys/policy-bundle',
    '/keys/mandate',
    '/keys/envelope',
  ],
  evidence: [
    '/log',
    '/evidence',
    '/retention',
    '/timestamps',
    '/.well-known/countersign',
    '/keys/log-checkpoint',
    '/keys/time-stamp',
  ],
  'certificate-authority': [
    '/certificates',
    '/pki',
    '/acme',
    '/.well-known/est',
    '/keys/certificate-workload',
    '/keys/certificate-person',
    '/keys/certificate-device',
    '/keys/certificate-partner',
    '/keys/certificate-service',
    '/keys/certificate-status',
    '/workloads',
    '/keys/workload-token',
  ],
  secrets: ['/secrets', '/venues'],
  egress: ['/events', '/signals', '/.well-known/ssf-configuration', '/keys/event', '/keys/security-event'],
};
