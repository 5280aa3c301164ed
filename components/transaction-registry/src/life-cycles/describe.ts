import { drawStateMachine, type StateMachine } from './draw.ts';
import type { LifeCycle, StateRule, TransitionRule } from './life-cycle.ts';
import { stepsOf } from './life-cycles.ts';

export function drawLifeCycle(cycle: LifeCycle): string {
  return drawStateMachine(machineOf(cycle));
}

function machineOf(cycle: LifeCycle): StateMachine {
  return {
    name: `Life cycle: ${cycle.name}`,
    states: Object.entries(cycle.states).map(([name, rule]) => ({
      name,
      final: rule.final === true,
      ...noteOf(rule, name !== cycle.initial && !stepsOf(cycle).some((step) => step.rule.to === name)),
    })),
    steps: stepsOf(cycle).map(({ event, rule }) => ({
      event,
      from: rule.from,
      to: rule.to,
      by: rule.actors.join(', '),
    })),
  };
}

/** @param unreached whether no step leads to this state, only the abandoning of an exception */
function noteOf({ counts, awaits }: StateRule, unreached: boolean): { readonly note?: string } {
  const notes = [
    ...(unreached ? ['when abandoned'] : []),
    ...(counts === true ? ['counts'] : []),
    ...(awaits === undefined ? [] : [`waits ${durationOf(awaits.withinSeconds)}`]),
  ];
  return notes.length === 0 ? {} : { note: notes.join(', ') };
}

export function describeLifeCycles(cycles: readonly LifeCycle[]): string {
  return `${cycles.map(chapterOf).join('\n\n')}\n`;
}

function chapterOf(cycle: LifeCycle): string {
  return [
    `## ${cycle.name}`,
    '',
    `\`${cycle.intentType}\``,
    '',
    `![Life cycle: ${cycle.name}](${cycle.name}.svg)`,
    '',
    '| step | from | to | by | scope | mandate | approvals and duties | when authority has lapsed |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...stepsOf(cycle).map(({ event, rule }) =>
      [
        '',
        ` \`${event}\` `,
        ` ${rule.from.join(', ')} `,
        ` ${rule.to} `,
        ` ${rule.actors.join(', ')} `,
        ` \`${rule.scope}\`${rule.decided ? ', policies decide' : ''} `,
        ` ${rule.mandates.map(({ actingFor, action }) => `\`${action}\` of ${actingFor}`).join(', ') || 'none'} `,
        ` ${conditionsOf(rule).join('; ') || '–'} `,
        ` ${rule.onLapse === 'exception' ? 'exception' : 'refused'} `,
        '',
      ].join('|'),
    ),
    ...waitsOf(cycle),
  ].join('\n');
}

function conditionsOf({ approvals = [], duties = {}, trade, inTime, late }: TransitionRule): readonly string[] {
  return [
    ...approvals.map(
      ({ role, count, institution, independent, ordered }) =>
        `${count} × ${role} of ${institution}${independent ? ', independent' : ''}${ordered ? ', after those before' : ''}`,
    ),
    ...(duties.notInitiator === true ? ['not who began it'] : []),
    ...(duties.notApprover === true ? ['nobody who approved it'] : []),
    ...(duties.person === true ? ['a person'] : []),
    ...(duties.approver === true ? ['a person with an approver role'] : []),
    ...(trade === true ? ['within the remaining quantity of its trade'] : []),
    ...(inTime === true ? ['before `not_after`'] : []),
    ...(late === 'refuse' ? ['not late'] : []),
  ];
}

function waitsOf({ states }: LifeCycle): readonly string[] {
  const waits = Object.entries(states).flatMap(([state, { awaits }]) =>
    awaits === undefined
      ? []
      : [
          `- In \`${state}\`: ${awaits.events.map((event) => `\`${event}\``).join(', ')} within ${durationOf(awaits.withinSeconds)}.`,
        ],
  );
  return waits.length === 0 ? [] : ['', 'Waited for:', '', ...waits];
}

function durationOf(seconds: number): string {
  if (seconds % 86_400 === 0) return `${seconds / 86_400} d`;
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds / 60} min`;
}
