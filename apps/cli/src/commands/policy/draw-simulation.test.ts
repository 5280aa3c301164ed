import { describe, expect, it } from 'vitest';
import { limitsByThemselves, limitsNotReported } from './draw-limit-changes.ts';
import { drawSimulation } from './draw-simulation.ts';
import { progressBar } from './progress-bar.ts';
import type { SimulationView } from './simulation.ts';

const report: SimulationView = {
  id: 'sim_1',
  status: 'done',
  startedAt: '2026-11-21T10:00:00.000Z',
  startedBy: 'person:anna',
  bundleHash: 'hash',
  baseVersion: 3,
  range: { from: '2026-11-20T00:00:00Z', until: '2026-11-21T10:00:00.000Z', desk: 'LEI/\u001brates' },
  progress: { done: 1_200_000, of: 1_200_000 },
  decisions: 1_200_000,
  skipped: { entity_missing: 2 },
  permitToDeny: 1_000,
  denyToPermit: 1,
  otherChanges: 7,
  by: {
    institution: [
      { name: 'LEI-1', decisions: 1_000_000, permitToDeny: 1_000, denyToPermit: 0 },
      { name: '', decisions: 1_000, permitToDeny: 0, denyToPermit: 1 },
      { name: 'LEI-3', decisions: 199_000, permitToDeny: 0, denyToPermit: 0 },
    ],
    desk: [],
    action: [],
  },
  limitChanges: [],
  flips: [
    {
      record: 'rec_1',
      at: '2026-11-21T10:00:00.000Z',
      principal: 'person:\u001b[31manna',
      institution: 'LEI-1',
      desk: 'rates',
      action: 'order:create',
      from: 'permit',
      to: 'deny',
      before: ['traders'],
      after: [],
    },
  ],
};

describe('a simulation drawn for a terminal', () => {
  const lines = drawSimulation(report);

  it('shows how many decisions flip in which direction, and what was skipped', () => {
    expect(lines.join('\n')).toContain(
      '1,200,000 decisions, 1,001 flips: 1,000 permit to deny, 1 deny to permit; 7 the same for other reasons',
    );
    expect(lines).toContain('2 skipped: entity_missing');
  });

  it('shows which decisions it covers', () => {
    const stretch = 'of all decisions from 2026-11-20T00:00:00Z until 2026-11-21T10:00:00.000Z';
    expect(lines).toContain(`${stretch}, only desk LEI/\\u001brates`);
    expect(drawSimulation({ ...report, range: {} })).toContain('of all decisions');
  });

  it('draws a table of the groups with flips, with right-aligned numbers', () => {
    const start = lines.indexOf('│ institution │ decisions │ permit to deny │ deny to permit │');
    expect(lines.slice(start - 1, start + 5)).toEqual([
      '┌─────────────┬───────────┬────────────────┬────────────────┐',
      '│ institution │ decisions │ permit to deny │ deny to permit │',
      '├─────────────┼───────────┼────────────────┼────────────────┤',
      '│ LEI-1       │ 1,000,000 │          1,000 │              0 │',
      '│ (none)      │     1,000 │              0 │              1 │',
      '└─────────────┴───────────┴────────────────┴────────────────┘',
    ]);
    expect(lines.join('\n')).not.toContain('LEI-3');
  });

  it('shows flips with the policies before and after, without terminal control characters', () => {
    expect(lines).toContain('2026-11-21T10:00:00.000Z  permit to deny  person:\\u001b[31manna  order:create  rec_1');
    expect(lines).toContain('    traders -> no policy');
    expect(lines).toContain('and 1,000 more; --json shows the first thousand');
  });

  it('says so if the report comes from a release that did not check limits', () => {
    const { limitChanges: _, ...earlier } = report;
    expect(drawSimulation(earlier).slice(lines.length)).toEqual(['', limitsNotReported]);
  });

  it('shows the limits that a decision exceeded or would exceed', () => {
    const [flip] = report.flips;
    if (flip === undefined) throw new Error('the report has no flip');
    const one = { ...flip, record: 'rec_2' };
    const drawn = drawSimulation({
      ...report,
      flips: [
        { ...one, before: ['traders'], after: [], limits: { before: [], after: ['hour', 'day'] } },
        { ...one, before: [], after: ['traders'], limits: { before: ['ho\u001bur'], after: [] } },
      ],
    });
    expect(drawn).toContain('    traders -> limits hour, day');
    expect(drawn).toContain('    limit ho\\u001bur -> traders');
  });

  it('shows changed limits with both values, and on how many decisions they were tried', () => {
    const hour = { id: 'hour', max: '20000000', window: { rolling_seconds: 3600 } };
    const drawn = drawSimulation({
      ...report,
      limitChanges: [
        {
          kind: 'limit',
          id: 'hour',
          change: 'changed',
          before: hour,
          after: { ...hour, max: '2\u001b[0m' },
          tried: 1_000,
        },
        { kind: 'limit', id: 'day', change: 'removed', before: { id: 'day' }, tried: 0 },
        { kind: 'rate', id: 'USD/EUR', change: 'changed', before: '1', after: '0.5' },
        { kind: 'rate', id: 'CHF/EUR', change: 'added', after: '1.1' },
      ],
    }).slice(lines.length);
    expect(drawn).toEqual([
      '',
      '4 changes of limits and rates',
      '~ limit  hour  max 20000000 -> 2\\u001b[0m  tried on 1,000 decisions',
      '- limit  day  {"id":"day"}  tried on no decision',
      '~ rate   USD/EUR  1 -> 0.5  not tried',
      '+ rate   CHF/EUR  1.1  not tried',
      limitsByThemselves,
    ]);
    const change = { kind: 'rate', id: 'X', change: 'added', after: '1' } as const;
    const many = drawSimulation({ ...report, limitChanges: Array.from({ length: 1_000 }, () => change) });
    expect(many).toHaveLength(lines.length + 24);
    expect(many).toContain('and 980 more; --json shows the first thousand');
  });

  it('does not present an empty simulation as a good result', () => {
    const nothing = { ...report, decisions: 0, permitToDeny: 0, denyToPermit: 0, flips: [] };
    expect(drawSimulation(nothing).join('\n')).toContain('No recorded decision with complete inputs matches');
    expect(lines.join('\n')).not.toContain('No recorded decision with complete inputs matches');
  });

  it('shows a single line if nothing flips', () => {
    const none = { ...report, permitToDeny: 0, denyToPermit: 0, flips: [], skipped: {} };
    expect(drawSimulation(none)).toHaveLength(4);
    expect(drawSimulation(none)[3]).toContain('no flips');
  });
});

describe('a progress bar', () => {
  it.each([
    [{ done: 0, of: 10 }, '░░░░░░░░░░░░░░░░░░░░░░░░  0 of 10 records'],
    [{ done: 5, of: 10 }, '████████████░░░░░░░░░░░░  5 of 10 records'],
    [{ done: 10, of: 10 }, '████████████████████████  10 of 10 records'],
    [{ done: 0, of: 0 }, '████████████████████████  0 of 0 records'],
  ])('draws %j', (progress, drawn) => {
    expect(progressBar(progress, 'records')).toBe(drawn);
  });
});
