import type { PolicySchema, RecordType } from '@countersign/cedar';
import { type FactSource, factSources, sourcesInWords } from '../trading/fact-sources.ts';
import type { AuthorityCell, AuthorityRow } from './authority-table.ts';
import { inWords } from './matrix-page.ts';
import type { MatrixReport } from './report.ts';

/** The paths of all attributes and context members that a schema declares; a record contributes its members. */
export function factsOfSchema({ entityTypes, applications }: PolicySchema): readonly string[] {
  const facts = [...entityTypes].flatMap(([name, { attributes }]) => pathsOf(name, attributes));
  for (const { context } of applications.values()) facts.push(...pathsOf('context', context));
  return [...new Set(facts)];
}

function pathsOf(path: string, { attributes }: RecordType): readonly string[] {
  return [...attributes].flatMap(([name, { type }]) =>
    type.kind === 'record' ? pathsOf(`${path}.${name}`, type) : [`${path}.${name}`],
  );
}

export function describeAuthority(table: readonly AuthorityRow[], { rules }: MatrixReport): string {
  return [
    '## Control rules',
    '',
    'Each rule is tested in every situation of the matrix to which it applies.',
    '',
    '### Never permitted',
    '',
    ...rules.filter(({ expects }) => expects === 'refused').map(({ says, id }) => `- ${says} (\`${id}\`)`),
    '',
    '### Always possible',
    '',
    ...rules.filter(({ expects }) => expects === 'permitted').map(({ says, id }) => `- ${says} (\`${id}\`)`),
    '',
    '## Who may do what',
    '',
    'With everything in order: the mandate is in force, compliance has cleared the firms, and the principal has the required role and sign-in.',
    '',
    ...chapterOf('Tokens for an intent', table, 'token for an intent'),
    ...chapterOf('Steps', table, 'step'),
    ...chapterOf('Tokens for an interface', table, 'token for an interface'),
    '## Conditions that change the outcome',
    '',
    ...conditionsOf(table),
    '## Sources of facts',
    '',
    '| source | facts |',
    '| --- | --- |',
    // The names of the literal.
    ...(Object.entries(sourcesInWords) as [FactSource, string][]).map(
      ([source, words]) =>
        `| ${words} | ${Object.keys(factSources)
          .filter((fact) => factSources[fact] === source)
          .map((fact) => `\`${fact}\``)
          .join(', ')} |`,
    ),
    '',
  ].join('\n');
}

function chapterOf(title: string, table: readonly AuthorityRow[], group: AuthorityRow['group']): readonly string[] {
  const rows = table.filter((row) => row.group === group);
  return [
    `### ${title}`,
    '',
    group === 'token for an interface'
      ? '| scope | person | service | algorithm |'
      : '| scope | intent and states | person | service | algorithm |',
    group === 'token for an interface' ? '| --- | --- | --- | --- |' : '| --- | --- | --- | --- | --- |',
    ...rows.map(({ scope, intent, states = [], cells }) =>
      [
        '',
        ` \`${scope}\` `,
        ...(intent === undefined ? [] : [` \`${intent}\`: ${states.join(', ')} `]),
        ...cells.map((cell) => ` ${wordsOf(cell)} `),
        '',
      ].join('|'),
    ),
    '',
  ];
}

function wordsOf({ outcome, reasons, needs }: AuthorityCell): string {
  if (outcome === 'permitted') return 'yes';
  return outcome === 'refused' ? `no: ${reasons.map((code) => `\`${code}\``).join(', ')}` : needs.join(', ');
}

/** For the first step of each kind of intent: one line for each condition. */
function conditionsOf(table: readonly AuthorityRow[]): readonly string[] {
  return table
    .filter(
      ({ group, states = [], scope, intent }) =>
        shown.has(`${group} ${scope} ${intent ?? ''}`) &&
        (states.length === 0 || states.includes('intended') || states.includes('approved')),
    )
    .flatMap(({ group, scope, intent, cells }) => [
      `### \`${scope}\`${intent === undefined ? '' : `, ${group === 'step' ? 'a step' : 'a token'} of \`${intent}\``}`,
      '',
      '| condition | person | service | algorithm |',
      '| --- | --- | --- | --- |',
      ...[
        ...new Set(cells.flatMap(({ conditions }) => conditions.map(({ factor, value }) => `${factor}\n${value}`))),
      ].map((key) => {
        const [factor = '', value = ''] = key.split('\n');
        const found = cells.map((cell) =>
          cell.outcome === 'refused'
            ? '–'
            : changeOf(cell.conditions.find((each) => each.factor === factor && each.value === value)),
        );
        return `| ${inWords(factor)}: ${value.replaceAll('-', ' ')} | ${found.join(' | ')} |`;
      }),
      '',
    ]);
}

function changeOf(condition: AuthorityCell['conditions'][number] | undefined): string {
  if (condition === undefined) return 'no change';
  const { outcome, needs, reasons } = condition;
  const codes = reasons.map((code) => `\`${code}\``).join(', ');
  return outcome === 'refused' ? `no: ${codes}` : `${needs.join(', ')}: ${codes}`;
}

const shown = new Set([
  'token for an intent order:create trade_order',
  'step order:create trade_order',
  'token for an intent settlement:instruct settlement_instruction',
  'step settlement:instruct settlement_instruction',
  'step collateral:transfer collateral_transfer',
  'token for an intent withdrawal:request withdrawal',
  'step withdrawal:request withdrawal',
  'token for an interface policy:approve ',
]);
