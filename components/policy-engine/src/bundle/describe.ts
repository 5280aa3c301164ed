import type { PolicyNotes, Remedy } from './annotations.ts';
import type { LimitDefinition } from './limit-definitions.ts';
import type { LoadedBundle } from './load-bundle.ts';

/** A Markdown page about a bundle: its policies by file, and its limits. The same bundle always gives the same page. */
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
      ['policy', 'rule', 'background', 'reason code', 'remedy'],
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

/** Shows a placeholder by the name of its fact; facts of the gates name an institution. */
function withPlaces(detail: string): string {
  return detail.replaceAll(/\{([A-Za-z0-9_.]+)\}/g, (_, path: string) =>
    path.startsWith('context.gates.') ? '‹LEI›' : `‹${path.split('.').at(-1)}›`,
  );
}

function liftedBy({ remedies, escalation }: PolicyNotes): string {
  const lifted = remedies.map(remedyInWords).join('; ');
  if (escalation.length === 0) return lifted;
  return `${lifted}; escalation: ${escalation.map(({ role, afterSeconds }) => `${role} after ${duration(afterSeconds)}`).join(', ')}`;
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

function remarkBefore(text: string, id: string): string {
  const above = text.slice(0, text.indexOf(idAnnotation(id))).split('\n');
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
    '`limits.json`. Caps on orders and collateral. An amount counts from the moment the order is placed or the collateral is transferred until the window has passed.',
    table(
      ['limit', 'cap', 'counted per', 'window', 'applies to', 'approval that exceeds it', 'description'],
      limits.map((limit) => limitRow(limit)),
    ),
    'Amounts in other currencies are converted at the rates in reference data. An amount in a currency without a recent rate is refused.',
  ].join('\n\n');
}

function limitRow({
  id,
  of,
  max,
  unit,
  measure,
  per,
  window,
  only,
  overridable_by: overridableBy,
  detail,
}: LimitDefinition) {
  const amount = max.replaceAll(/\B(?=(?:\d{3})+(?!\d))/g, ',');
  const whom = Object.entries(only ?? {}).map(([name, values]) => `${name}: ${[values].flat().join(', ')}`);
  return [
    `\`${id}\``,
    `${amount} ${unit === 'unit' ? measure : unit}${of === 'collateral' ? ' of collateral' : ''}`,
    per.join(' and '),
    window === 'order' ? 'one order' : duration(window.rolling_seconds),
    whom.length === 0 ? 'everybody' : whom.join('; '),
    overridableBy ?? 'nobody',
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
