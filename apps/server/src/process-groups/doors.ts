import type { ProcessGroup } from './groups.ts';

/**
 * Paths, and all below them, that are served by another group than edge. Edge passes their requests on; what is not here is its own.
 * The longest that fits counts.
 */
export const doorsElsewhere: Readonly<Record<Exclude<ProcessGroup, 'edge'>, readonly string[]>> = {
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
  egress: ['/events', '/signals', '/.well-known/ssf-configuration', '/keys/event', '/keys/security-event'],
};
