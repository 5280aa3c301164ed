import type { Schemas } from '../../api.ts';
import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { grouped } from '../policy/progress-bar.ts';

const classes = ['transaction', 'authority', 'access', 'operation'] as const;

export function drawYears(years: Schemas['RetentionYears']): string {
  return classes.map((name) => `${name} ${years[name]}`).join(', ');
}

export function describeChange(change: Schemas['RetentionChange']): string {
  return change.kind === 'schedule'
    ? `schedule: years ${drawYears(change.years)}  ${dim(change.presets.join(', '))}`
    : `pruning: ${change.class} from before ${change.before}`;
}

/** A row for each retention class: records now, removals under the present schedule, removals under the proposed one. */
export function drawSimulation({ id, change, holds, would, now }: Schemas['RetentionSimulation']): readonly string[] {
  const present = new Map(now.map((survey) => [survey.class, survey]));
  const rows = would.map((survey) => {
    const goes = going(survey);
    const before = present.get(survey.class);
    const paint = goes > (before === undefined ? 0 : going(before)) ? red : dim;
    return [
      survey.class.padEnd(12),
      grouped(survey.records).padStart(14),
      `${grouped(Math.round(survey.bytes / 1024))} KiB`.padStart(16),
      grouped(before === undefined ? 0 : going(before)).padStart(12),
      paint(grouped(goes).padStart(12)),
      grouped(survey.held).padStart(12),
    ].join('');
  });
  return [
    `${bold(id)}  ${describeChange(change)}`,
    dim(
      [
        'class'.padEnd(12),
        'records'.padStart(14),
        'size'.padStart(16),
        'due now'.padStart(12),
        'would go'.padStart(12),
        'held'.padStart(12),
      ].join(''),
    ),
    ...rows,
    dim(`${grouped(holds)} legal hold${holds === 1 ? '' : 's'} considered; nothing has changed`),
  ];
}

function going({ due, held }: Schemas['ClassSurvey']): number {
  return due - held;
}

function drawDecided(
  {
    id,
    status,
    proposedBy,
    decidedBy,
    reason,
    decisionReason,
  }: Pick<Schemas['RetentionProposal'], 'id' | 'status' | 'proposedBy' | 'decidedBy' | 'reason' | 'decisionReason'>,
  what: string,
): readonly string[] {
  const paint = { proposed: yellow, approved: yellow, completed: green, rejected: red, expired: dim }[status];
  const people = decidedBy === undefined ? proposedBy.id : `${proposedBy.id}, ${decidedBy.id}`;
  return [
    `${id}  ${bold(paint(status.padEnd(9)))} ${what}  ${dim(`by ${visible(people)}: ${visible(reason)}`)}`,
    ...(decisionReason === undefined ? [] : [dim(`  ${visible(decisionReason)}`)]),
  ];
}

export function drawProposal(proposal: Schemas['RetentionProposal']): readonly string[] {
  const { change, pruned } = proposal;
  return [
    ...drawDecided(proposal, describeChange(change)),
    ...(pruned === undefined
      ? []
      : [
          `  ${grouped(pruned.count)} gone, ${grouped(pruned.held)} held, ${grouped(pruned.needed)} needed by what is kept`,
        ]),
  ];
}

export function drawErasure(erasure: Schemas['ErasureProposal']): readonly string[] {
  const { subject, keys, erased } = erasure;
  const values = keys.reduce((sum, key) => sum + key.values, 0);
  const what = `${visible(subject)}: ${grouped(values)} values under ${keys.length} key${keys.length === 1 ? '' : 's'}`;
  return [...drawDecided(erasure, what), ...(erased === undefined ? [] : [`  ${grouped(erased)} values destroyed`])];
}

/** A proposal does not state when the values may be erased. */
type KeyOfValues = Schemas['ErasureProposal']['keys'][number] &
  Partial<Pick<Schemas['SubjectKey'], 'erasableFrom' | 'due' | 'erasedAt'>>;

export function drawKey({
  key,
  region,
  class: name,
  year,
  values,
  newest,
  erasableFrom,
  due,
  erasedAt,
}: KeyOfValues): string {
  const state =
    erasedAt !== undefined
      ? dim(`erased ${erasedAt}`)
      : due === true
        ? green('may be erased')
        : yellow(`kept until ${erasableFrom ?? newest}`);
  return `${key}  ${name.padEnd(12)} ${year}  ${region}  ${grouped(values).padStart(8)} values  ${state}`;
}

export function drawHold({
  id,
  scope,
  matter,
  placedBy,
  placedAt,
  releasedBy,
  releasedAt,
}: Schemas['LegalHold']): readonly string[] {
  const what = Object.entries(scope)
    .map(([name, value]) => `${name} ${visible(String(value))}`)
    .join(', ');
  const state = releasedAt === undefined ? red('active  ') : dim('released');
  const after = releasedAt === undefined ? '' : `; released by ${visible(releasedBy?.id ?? '')} at ${releasedAt}`;
  return [
    `${id}  ${bold(state)} ${what}`,
    dim(`  ${visible(matter)}: placed by ${visible(placedBy.id)} at ${placedAt}${after}`),
  ];
}
