import type { PolicyNotes, Remedy } from './annotations.ts';
import type { LimitDefinition } from './limit-definitions.ts';
import type { LoadedBundle } from './load-bundle.ts';

/**
 * A page (Markdown) on which people read what a bundle says: its policies by file, in their authors' words, and its
 * limits. Of the same bundle always the same page.
 */
export function describeBundle(loaded: LoadedBundle): string {
  return [
    ...loaded.bundle.policies.map(({ file, text }) => fileSection(loaded, file, text)),
    limitSection(loaded),
  ].join('\n\n');
}

function fileSection(loaded: LoadedBundle, file: string, text: string): string {
  const { title, about } = headingOf(text, file);
  const policies = loaded.parsed.policies.filter(({ id }) => text.includes(idAnnotation(id)));
  return [
    `## ${title}`,
    `\`${file}\`. ${about}`.trim(),
    table(
      ['policy', 'what it says', 'why', 'reason', 'what lifts it'],
      policies.map(({ id }) => policyRow(loaded.notes(id), remarkBefore(text, id))),
    ),
  ].join('\n\n');
}

function policyRow(notes: PolicyNotes, remark: string): readonly string[] {
  const { id, effect, detail, reason, tokenLifetimeSeconds, timeStamp } = notes;
  const lifetime = tokenLifetimeSeconds === undefined ? '' : ` At most ${tokenLifetimeSeconds} seconds.`;
  const stamped = timeStamp ? ' The step is time-stamped.' : '';
  return effect === 'permit'
    ? [`\`${id}\``, `**Permits.** ${detail}${lifetime}${stamped}`, remark, '', '']
    : [`\`${id}\``, withPlaces(detail), remark, `\`${reason}\``, liftedBy(notes)];
}

/** What is filled in at a refusal: the facts of the gates are whose they are, others by their name. */
function withPlaces(detail: string): string {
  return detail.replaceAll(/\{([A-Za-z0-9_.]+)\}/g, (_, path: string) =>
    path.startsWith('context.gates.') ? '‹LEI›' : `‹${path.split('.').at(-1)}›`,
  );
}

function liftedBy({ remedies, escalation }: PolicyNotes): string {
  const lifted = remedies.map(remedyInWords).join('; ');
  if (escalation.length === 0) return lifted;
  return `${lifted}; unanswered: ${escalation.map(({ role, afterSeconds }) => `${role} after ${duration(afterSeconds)}`).join(', ')}`;
}

function remedyInWords(remedy: Remedy): string {
  if (remedy.kind === 'approval') return `approval: ${remedy.count} × ${remedy.role}`;
  const age = remedy.maxAgeSeconds === undefined ? '' : `, at most ${duration(remedy.maxAgeSeconds)} old`;
  return `sign-in: ${remedy.acr}${age}`;
}

/** The first comment of a file: its title in capitals, a blank line, and what it is about. */
function headingOf(text: string, file: string): { readonly title: string; readonly about: string } {
  const [first = '', ...rest] = commentLines(text.split('\n'));
  const title = first === '' ? file : first.charAt(0) + first.slice(1).toLowerCase();
  return { title, about: rest.join(' ').trim() };
}

/** The comment directly above a policy. */
function remarkBefore(text: string, id: string): string {
  const above = text.slice(0, text.indexOf(idAnnotation(id))).split('\n');
  // What stands before the annotation on its own line is nothing; the lines above it count until one is no comment.
  return commentLines(above.slice(0, -1).toReversed()).toReversed().join(' ').trim();
}

function commentLines(lines: readonly string[]): readonly string[] {
  const end = lines.findIndex((line) => !line.startsWith('//'));
  return lines.slice(0, end < 0 ? lines.length : end).map((line) => line.replace(/^\/\/ ?/, ''));
}

const idAnnotation = (id: string): string => `@id("${id}")`;

function limitSection({ limits }: LoadedBundle): string {
  return [
    '## Limits',
    '`limits.json`. What no order and no collateral may take past its limit; counted when an order is placed or collateral is transferred, until its window has passed.',
    table(
      ['limit', 'at most', 'counted by', 'window', 'for', 'passed by', ''],
      limits.map((limit) => limitRow(limit)),
    ),
    'Amounts in other currencies are counted by the rates that reference data has. A currency without a recent rate is refused.',
  ].join('\n\n');
}

function limitRow({ id, of, most, unit, measure, per, window, only, passed_by: passedBy, detail }: LimitDefinition) {
  const amount = most.replaceAll(/\B(?=(?:\d{3})+(?!\d))/g, ',');
  const whom = Object.entries(only ?? {}).map(([name, values]) => `${name}: ${[values].flat().join(', ')}`);
  return [
    `\`${id}\``,
    `${amount} ${unit === 'unit' ? measure : unit}${of === 'collateral' ? ' of collateral' : ''}`,
    per.join(' and '),
    window === 'order' ? 'one order' : duration(window.rolling_seconds),
    whom.length === 0 ? 'everybody' : whom.join('; '),
    passedBy ?? 'nobody',
    detail ?? '',
  ];
}

function duration(seconds: number): string {
  for (const [unit, name] of [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ] as const)
    if (seconds >= unit && seconds % unit === 0) return `${seconds / unit} ${name}`;
  return `${seconds} s`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}
