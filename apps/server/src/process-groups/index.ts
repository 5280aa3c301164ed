export { callers, mayAsk, mayCall, servedBy } from './callers.ts';
export { pathsOfOtherGroups } from './doors.ts';
export { componentsOf, type GroupParts, groupOf, groupParts, type ProcessGroup, processGroups } from './groups.ts';
export { groupsNamed, partErrors } from './groups-named.ts';
