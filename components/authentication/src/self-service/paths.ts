import { accountPath } from './drawing.ts';

export const keysPath = `${accountPath}/keys`;
export const sessionsPath = `${accountPath}/sessions`;
export const otherSessionsPath = `${sessionsPath}/others`;
export const devicesPath = `${accountPath}/devices`;
export const mandatesPath = `${accountPath}/mandates`;
export const grantsPath = `${accountPath}/permissions`;
export const activityPath = `${accountPath}/activity`;
