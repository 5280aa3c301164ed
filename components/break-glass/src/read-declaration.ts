import { breakGlassErrors, type Declaration, type DirectorySnapshot, emergencyScopes } from '@countersign/contracts';

/** Parses a declaration: its interface must be ours, and offer its scopes. @throws CodedError `incident_malformed`, `incident_scope` */
export function readDeclaration(declared: Declaration, directory: DirectorySnapshot, issuer: string): Declaration {
  const { resource: uri, jkt } = declared;
  const reason = readWords(declared.reason, 10, 400, 'The reason', 'reason');
  const reference = readWords(declared.reference, 1, 100, 'The number of the incident', 'reference');
  const resource = directory.resource(uri);
  if (resource === undefined || !uri.startsWith(`${issuer}/`))
    throw breakGlassErrors.error('incident_scope', 'Emergency access is for an interface of this installation.', {
      facts: { field: 'resource' },
    });
  const scopes = emergencyScopes.filter((scope) => declared.scopes.includes(scope));
  if (scopes.length === 0 || scopes.length !== new Set(declared.scopes).size)
    throw breakGlassErrors.error('incident_scope', `Choose one or more of ${emergencyScopes.join(', ')}.`, {
      facts: { field: 'scopes' },
    });
  const strange = scopes.find((scope) => !resource.scopes.includes(scope));
  if (strange !== undefined)
    throw breakGlassErrors.error('incident_scope', `${uri} does not offer ${strange}. Choose an interface that does.`, {
      facts: { field: 'scopes' },
    });
  return { reason, reference, resource: uri, scopes, jkt };
}

/** Plain text of one line, for the record. @param field of the form @throws CodedError `incident_malformed` */
export function readWords(text: string, shortest: number, longest: number, what: string, field: string): string {
  const trimmed = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const plain = text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(trimmed);
  if (plain && trimmed.length >= shortest && trimmed.length <= longest) return trimmed;
  throw breakGlassErrors.error(
    'incident_malformed',
    `${what} must be plain text of one line with ${shortest} to ${longest} characters.`,
    { facts: { field } },
  );
}
