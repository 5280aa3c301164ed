import type { JsonDocument } from '../entry.ts';

/** A person who loses the signing role also loses the signing authority. */
export function movedDocument(
  document: JsonDocument,
  to: { readonly desk?: string | null; readonly roles?: readonly string[] },
): JsonDocument {
  const { desk: before, signing_authority: authority, roles: rolesBefore = [], ...rest } = document;
  const desk = to.desk === undefined ? before : to.desk;
  const roles = to.roles ?? rolesBefore;
  return {
    ...rest,
    ...(desk === undefined || desk === null ? {} : { desk }),
    // A list of names is JSON.
    roles: roles as JsonDocument[string],
    // Its items may be anything that the document had.
    ...(authority === undefined || !(roles as readonly unknown[]).includes('signatory')
      ? {}
      : { signing_authority: authority }),
  };
}
