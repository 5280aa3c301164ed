import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { afterAll, describe, expect, it } from 'vitest';
import { prepareDevelopment } from '../configuration/development.ts';
import { componentsOf, processGroups } from '../process-groups/groups.ts';
import { groupsNamed } from '../process-groups/groups-named.ts';
import { configurationsOfParts } from './configurations-of-parts.ts';
import { groupConfiguration } from './group-configuration.ts';

const folder = mkdtempSync(join(tmpdir(), 'groups-named-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusalOf(work: () => unknown): { readonly code?: string; readonly detail?: string } {
  try {
    work();
  } catch (error) {
    if (isCodedError(error)) return error;
    throw error;
  }
  return {};
}

describe('the parts named at a start', () => {
  it.each([
    [['core'], ['core']],
    [
      ['evidence', 'core'],
      ['core', 'evidence'],
    ],
    [[...componentsOf('evidence')], ['evidence']],
    [
      [...componentsOf('core'), 'egress'],
      ['core', 'egress'],
    ],
    [[...processGroups], [...processGroups]],
  ])('%j are the groups %j', (names, groups) => {
    expect(groupsNamed(names)).toEqual(groups);
  });

  it('are refused without the components with which they share keys and memory, naming them', () => {
    const { code, detail } = refusalOf(() => groupsNamed(['audit-log', 'core']));
    expect(code).toBe('components_belong_together');
    expect(detail).toContain('evidence-eraser, retention, time-stamping');
    expect(detail).toContain('--only evidence');
  });

  it.each([[''], ['core '], ['everything'], ['__proto__']])('are refused as unknown: %j', (name) => {
    expect(refusalOf(() => groupsNamed(['core', name])).code).toBe('component_unknown');
  });
});

describe('the configurations of parts', () => {
  const { configuration, configurationFile } = prepareDevelopment({
    dataFolder: join(folder, 'data'),
    port: 7420,
    databaseUrl: 'file:/nowhere',
  });
  const here = ['localhost'];
  const places = {
    names: { edge: here, core: here, evidence: here, egress: here, 'certificate-authority': here, secrets: here },
    firstPort: 7_431,
  };
  for (const group of processGroups) {
    mkdirSync(join(folder, group));
    const its = groupConfiguration(configuration, { group, places, folder: join(folder, group) });
    writeFileSync(join(folder, group, 'config.json'), JSON.stringify(its));
  }

  it('are those in the folder made for processes', () => {
    expect(configurationsOfParts(['core', 'evidence'], folder)).toMatchObject([
      { process: { group: 'core' } },
      { process: { group: 'evidence' } },
    ]);
  });

  it('are that of one process if only its own group is named', () => {
    const ofCore = join(folder, 'core', 'config.json');
    expect(configurationsOfParts(['core'], ofCore)).toMatchObject([{ process: { group: 'core' } }]);
    const { code, detail } = refusalOf(() => configurationsOfParts(['core', 'evidence'], ofCore));
    expect(code).toBe('part_not_configured');
    expect(detail).toContain('--config DIR --only core,evidence');
  });

  it('are that of the installation if all of it is named', () => {
    expect(configurationsOfParts(processGroups, configurationFile)).toEqual(configuration);
  });

  it('are missing for a part of an installation for which nothing was made', () => {
    for (const path of [undefined, configurationFile]) {
      const { code, detail } = refusalOf(() => configurationsOfParts(['evidence'], path));
      expect(code).toBe('part_not_configured');
      expect(detail).toContain('countersign processes init --config FILE --out DIR');
    }
  });
});
