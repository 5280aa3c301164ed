import { activityFromLog, type SelfServicePages } from '@countersign/authentication';
import type { Clock } from '@countersign/kernel';
import type { Edge, Seen } from '../components/index.ts';

/** Roles that see all mandates of their institution. Other people see the mandates that they have signed. */
const rolesAboutMandates = new Set([
  ...['trader', 'supervisor', 'desk-head', 'head-of-trading', 'signatory'],
  ...['compliance', 'risk', 'operations', 'auditor'],
]);
const mostShown = 100;

/** The data of other components on a person's own page. Each source returns only data about that person. */
export function selfServiceSources(
  {
    risk,
    devices,
    consentStore,
    directory,
    auditLog,
  }: Pick<Edge, 'risk' | 'devices'> & Pick<Seen, 'consentStore' | 'directory' | 'auditLog'>,
  clock: Clock,
): SelfServicePages['sources'] {
  return {
    signals: risk,
    devicesOf: (person) => devices.of(person),
    grantsOf: (person) =>
      consentStore.grants.list({ subject: person, status: 'active', endingAfter: clock.now(), limit: mostShown }),
    async mandatesOf(id) {
      const person = directory.snapshot().principal(id);
      if (person?.kind !== 'person') return [];
      const standing = await consentStore.list({ institution: person.institution, status: 'active', limit: mostShown });
      if (person.roles.some((role) => rolesAboutMandates.has(role))) return standing;
      return standing.filter(({ consents }) => consents.some(({ signatory }) => signatory === id));
    },
    activityOf: activityFromLog(auditLog, clock),
  };
}
