import { migratedComponents } from '../database/index.ts';
import {
  callers,
  groupParts,
  type ProcessGroup,
  pathsOfOtherGroups,
  processGroups,
  servedBy,
} from '../process-groups/index.ts';

const faces: Readonly<Record<ProcessGroup, string>> = {
  edge: 'the internet: every door of the installation is on its listeners',
  core: 'other processes alone',
  evidence: 'other processes alone',
  egress: 'other processes; it alone calls addresses outside',
  'certificate-authority': 'other processes alone',
  secrets: 'other processes alone; it calls the databases whose credentials it leases',
};

/** The page of the processes, generated from the enforced tables so that it cannot differ from them. */
export function processesPage(): string {
  const roles = new Map(migratedComponents.map(({ name, role }) => [name, role]));
  const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  const lines = [
    '# Processes',
    '',
    'One process runs everything by default. A split installation has a process for each security context',
    '([decision 0058](adr/0058-split-processes-by-their-keys.md)). This page is written from the tables that are enforced',
    '(`apps/server/src/process-groups/groups.ts`, `callers.ts`, `doors.ts`); a test fails where it differs.',
    '',
    '```mermaid',
    'flowchart LR',
    '  clients([clients, browsers]) --> edge',
    ...processGroups.flatMap((from) =>
      processGroups
        .filter((to) => from !== to && Object.keys(callers[from]).some((name) => groupServing(name) === to))
        .map((to) => `  ${from} -->|mutual TLS| ${to}`),
    ),
    '  egress --> outside([partners, identity providers, receivers])',
    '```',
    '',
    '## What each holds',
    '',
    '| process | faces | components | database roles | signing keys |',
    '| --- | --- | --- | --- | --- |',
    ...processGroups.map((group) => {
      const { stored, stateless, keyPurposes } = groupParts[group];
      return `| ${group} | ${faces[group]} | ${code([...stored, ...stateless])} | ${code(stored.map((name) => roles.get(name) ?? name))} | ${code(keyPurposes)} |`;
    }),
    '',
    'Each process has its own key-encryption key and secret of database roles, both derived from those of the installation, which no process',
    'has; a certificate that names it; and, but for egress, a list of the addresses that it may connect to: the database and its peers.',
    '',
    'A group is the least that runs by itself: its components share its keys and call each other in memory. Several groups may run in one',
    'process (`countersign start --config DIR --only core,evidence`), which then holds the keys and roles of all of them. Each keeps its own',
    'certificate and listener, and calls between them go by the same table. [The guide](guides/separate-processes.md) says how.',
    '',
    '## Doors that edge passes on',
    '',
    '| process | paths, and all below them |',
    '| --- | --- |',
    ...Object.entries(pathsOfOtherGroups).map(([group, paths]) => `| ${group} | ${code(paths)} |`),
    '',
    '## Who may call what',
    '',
    'By the name in its certificate. Anything else is refused with `call_not_permitted`, and the refusal is in the log: the first at once, those',
    'of the same process and method within a minute as one record that counts them. With an expired certificate a process can neither call nor answer',
    '(`process_certificate_expired`).',
    '',
  ];
  for (const caller of processGroups) {
    lines.push(`### ${caller}`, '', '| of | contract | methods |', '| --- | --- | --- |');
    for (const [contract, methods] of Object.entries<readonly string[]>(callers[caller]))
      lines.push(`| ${groupServing(contract) ?? ''} | \`${contract}\` | ${code(methods)} |`);
    lines.push('');
  }
  return lines.join('\n');
}

function groupServing(contract: string): ProcessGroup | undefined {
  return new Map<string, ProcessGroup>(Object.entries(servedBy)).get(contract);
}
