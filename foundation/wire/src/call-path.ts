/** A list of arguments as JSON: of our processes alone, so it is never taken for what a client sends. */
export const callMediaType = 'application/vnd.countersign.call+json';

export function callPath({ contract, method }: { readonly contract: string; readonly method: string }): string {
  return `/calls/${contract}/${method}`;
}

/** Undefined for any other path. */
export function readCallPath(path: string): { readonly contract: string; readonly method: string } | undefined {
  const [, contract, method] = /^\/calls\/([a-z-]{1,64})\/([A-Za-z]{1,64})$/.exec(path) ?? [];
  return contract === undefined || method === undefined ? undefined : { contract, method };
}
