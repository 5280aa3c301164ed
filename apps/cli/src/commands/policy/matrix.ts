import { writeFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { bold, dim, exitCodes, green, print, printJson, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';
import { loadFolder, withProblems, withProblemsAsJson } from './folder.ts';
import { jsonOption, readFolder } from './options.ts';

/** Loaded on demand, as in `folder.ts`. */
const server = () => import('@countersign/server');
type Server = Awaited<ReturnType<typeof server>>;
type Table = ReturnType<Server['authorityTable']>;
type Report = ReturnType<Server['checkMatrix']>;
type Changes = ReturnType<Server['compareMatrices']>;

interface MatrixFlags {
  readonly against?: string;
  readonly html?: string;
  readonly scope?: string;
  readonly json?: true;
}

/** `policy matrix`: who may do what under the policies of a folder, and violations of the control rules. */
export function policyMatrixCommand(policy: Command): void {
  policy
    .command('matrix')
    .argument('[folder]', 'the shipped ones when none is named', readFolder)
    .description(
      'who may do what by the policies of a folder, and whether every rule of control is kept; needs no control plane',
    )
    .option('--against <folder>', 'also show which outcomes are others than by the policies of this folder', readFolder)
    .option('--html <file>', 'write it as a page to read, print and sign')
    .option('--scope <scope>', 'only this scope, with every condition that changes the outcome')
    .option(...jsonOption('the table, the rules and what differs'))
    .action(async (folder: string | undefined, { against, html, scope, json }: MatrixFlags) => {
      const refuse = json === true ? withProblemsAsJson : withProblems;
      const loaded = await loadFolder(folder).catch(refuse);
      const other = against === undefined ? undefined : await loadFolder(against).catch(refuse);
      const tools = await server();
      const whole = tools.authorityTable(loaded);
      const table = scope === undefined ? whole : whole.filter((row) => row.scope === scope);
      if (table.length === 0)
        throw new CodedError({
          code: 'scope_unknown',
          category: 'not-found',
          detail: `No row of the matrix has the scope ${scope}. Without --scope all of them are shown.`,
        });
      const report = tools.checkMatrix(loaded);
      const changes = other === undefined ? undefined : tools.compareMatrices(other, loaded);
      const of = folder ?? 'this release';
      if (html !== undefined) {
        const compared = changes === undefined || against === undefined ? {} : { changes: { against, found: changes } };
        writeFileSync(html, tools.matrixPage({ of, hash: loaded.hash, table, report, ...compared }));
      }
      if (json === true)
        printJson({
          ok: tools.holds(report),
          hash: loaded.hash,
          questions: report.questions,
          permitted: report.permitted,
          table,
          rules: report.rules.map(({ examples, ...rule }) => ({ ...rule, examples: examples.map(tools.describeRow) })),
          ...(changes === undefined ? {} : { changes: changes.map((change) => changeAnswer(change, tools)) }),
        });
      else {
        printTable(table, scope !== undefined, tools);
        if (changes !== undefined) printChanges(changes, tools);
        printRules(report, tools);
        if (html !== undefined) print(dim(`written to ${html}`));
      }
      if (!tools.holds(report)) process.exitCode = exitCodes.refused;
    });
}

function changeAnswer({ ask, kind, to, situations, before, after }: Changes[number], { describeRow }: Server) {
  return { ask, kind, to, situations, before: describeRow(before), after: describeRow(after) };
}

const headings = {
  'token for an intent': 'Tokens for an intent',
  step: 'Steps',
  'token for an interface': 'Tokens for an interface',
} as const;

function printTable(table: Table, conditions: boolean, { inWords }: Server): void {
  for (const [group, heading] of Object.entries(headings)) {
    const rows = table.filter((row) => row.group === group);
    if (rows.length === 0) continue;
    print(bold(heading));
    const names = rows.map(({ scope, intent, states = [] }) =>
      intent === undefined
        ? scope
        : `${scope}  ${intent} (${states.length > 3 ? `${states.length} states` : states.join(', ')})`,
    );
    const width = Math.max(...names.map(({ length }) => length));
    print(
      dim(
        `  ${''.padEnd(width)}  ${['person', 'service', 'algorithm']
          .map((kind) => kind.padEnd(38))
          .join('  ')
          .trimEnd()}`,
      ),
    );
    rows.forEach((row, index) => {
      print(`  ${(names[index] ?? '').padEnd(width)}  ${row.cells.map(drawnCell).join('  ').trimEnd()}`);
      if (!conditions) return;
      for (const { kind, conditions: found } of row.cells)
        for (const { factor, value, outcome, needs, reasons } of found)
          print(
            `      ${dim(kind.padEnd(8))} ${inWords(factor)}: ${value.replaceAll('-', ' ')}  ${colourOf(outcome)(wordsOf[outcome])}  ${dim([...needs, ...reasons].join(', '))}`,
          );
    });
    print();
  }
}

const wordsOf = {
  permitted: 'permitted',
  approval: 'needs approval',
  'step-up': 'needs step-up',
  refused: 'refused',
} as const;
type Cell = Table[number]['cells'][number];

/** The usual answer, and how many conditions change it. */
function drawnCell({ outcome, reasons, conditions }: Cell): string {
  const counted = (['approval', 'step-up', 'refused'] as const).flatMap((each) => {
    const count = conditions.filter((condition) => condition.outcome === each).length;
    return count === 0 ? [] : [`${count} ${each}`];
  });
  const words =
    outcome === 'permitted'
      ? `yes (${counted.join(', ')})`
      : outcome === 'refused'
        ? `no  ${reasons[0] ?? ''}`
        : wordsOf[outcome];
  return colourOf(outcome)(words.padEnd(38));
}

function colourOf(outcome: Cell['outcome']) {
  return outcome === 'permitted' ? green : outcome === 'refused' ? red : yellow;
}

function printChanges(changes: Changes, { describeRow }: Server): void {
  print(bold('What comes out otherwise'));
  for (const { to, situations, before, after } of changes) {
    print(`  ${to === 'permitted' ? green('+ permitted') : red('- refused  ')}  ${visible(describeRow(after))}`);
    print(dim(`      ${situations} situations; before: ${before.permitted ? 'permitted' : before.reasons.join(', ')}`));
  }
  if (changes.length === 0) print(dim('  nothing'));
  print();
}

function printRules({ rules, questions, permitted }: Report, { describeRow }: Server): void {
  const broken = rules.filter((rule) => rule.broken > 0 || rule.judged === 0);
  for (const { id, says, judged, broken: count, examples } of broken) {
    print(`${red('broken')}  ${bold(id)}  ${says}`);
    print(dim(judged === 0 ? '        it speaks of no situation' : `        in ${count} of ${judged} situations`));
    for (const example of examples) print(`        ${visible(describeRow(example))}`);
  }
  const words = `${rules.length - broken.length} rules of control kept, ${broken.length} broken, in ${questions} situations (${permitted} permitted)`;
  print(broken.length === 0 ? green(words) : red(words));
}
