/** Of the list; every other page of approvers is below it. */
export const approvePath = '/approve';

/** Where several are looked at together, in this order. */
export function batchAddress(path: string, ids: readonly string[], role?: string): string {
  const fields = [...ids.map((id) => ['txn', id] as const), ...(role === undefined ? [] : [['role', role] as const])];
  return `${path}/batch?${fields.map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')}`;
}
