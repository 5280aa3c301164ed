import { remoteCalls } from '@countersign/contracts';
import { expect, it } from 'vitest';
import { callers, mayCall, servedBy } from '../process-groups/callers.ts';
import { pathsOfOtherGroups } from '../process-groups/doors.ts';
import { type ProcessGroup, processGroups } from '../process-groups/groups.ts';
import { doorsOfGroups } from '../testing/doors-of-groups.ts';
import { processesPage } from './processes-page.ts';

it('is described on a page that states what is enforced', async () => {
  await expect(processesPage()).toMatchFileSnapshot('../../../../docs/processes.md');
});

it('lets a process make the calls of the table and no others', () => {
  for (const caller of [...processGroups, 'unknown', '', '__proto__', 'constructor'])
    for (const [contract, methods] of Object.entries<object>(remoteCalls))
      for (const method of [...Object.keys(methods), 'constructor', '__proto__', 'toString']) {
        const group = processGroups.find((name) => name === caller);
        const listed = group === undefined ? {} : (callers[group] as Readonly<Record<string, readonly string[]>>);
        const expected = Object.hasOwn(listed, contract) && listed[contract]?.includes(method) === true;
        expect(mayCall(caller, contract, method), `${caller} ${contract}.${method}`).toBe(expected);
      }
  expect(mayCall('edge', '__proto__', 'append')).toBe(false);
  expect(mayCall('edge', 'record-pages', 'openPages')).toBe(false);
});

it('has no call to one’s own process, and a caller for every call', () => {
  const called = new Set<string>();
  for (const caller of processGroups)
    for (const [contract, methods] of Object.entries<readonly string[]>(callers[caller])) {
      expect(servedBy[contract as keyof typeof servedBy], `${caller} ${contract}`).not.toBe(caller);
      for (const method of methods) called.add(`${contract}.${method}`);
    }
  const listed = Object.entries<object>(remoteCalls).flatMap(([contract, methods]) =>
    Object.keys(methods).map((method) => `${contract}.${method}`),
  );
  expect(listed.filter((call) => !called.has(call))).toEqual([]);
});

it('forwards every interface to the group that serves it, and none of edge to another group', () => {
  const groupOfPath = (path: string): ProcessGroup => {
    const found = (Object.entries(pathsOfOtherGroups) as [ProcessGroup, readonly string[]][]).find(([, paths]) =>
      paths.some((prefix) => path === prefix || path.startsWith(`${prefix}/`)),
    );
    return found?.[0] ?? 'edge';
  };
  const doors = doorsOfGroups();
  expect(doors.length).toBeGreaterThan(100);
  expect(doors.filter(({ path, group }) => groupOfPath(path) !== group)).toEqual([]);
});
