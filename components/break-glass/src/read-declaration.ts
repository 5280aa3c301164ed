import { breakGlassErrors, type Declaration, type DirectorySnapshot, emergencyScopes } from '@countersign/contracts';

/**
 * A declaration that can be made: said in words, for an interface of ours, with scopes of emergencies that it offers.
 *
 * @throws CodedError `incident_malformed`, `incident_scope`
 */
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
    throw breakGlassErrors.error('incident_scope', `An emergency is for some of ${emergencyScopes.join(', ')}.`, {
      facts: { field: 'scopes' },
    });
  const strange = scopes.find((scope) => !resource.scopes.includes(scope));
  if (strange !== undefined)
    throw breakGlassErrors.error('incident_scope', `${uri} does not offer ${strange}; declare it for what does.`, {
      facts: { field: 'scopes' },
    });
  return { reason, reference, resource: uri, scopes, jkt };
}

/** Plain text for people; it is recorded. @param field that holds it @throws CodedError `incident_malformed` */
export function readWords(text: string, shortest: number, longest: number, what: string, field: string): string {
  const trimmed = text.trim();
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  const plain = text.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(trimmed);
  if (plain && trimmed.length >= shortest && trimmed.length <= longest) return trimmed;
  throw breakGlassErrors.error(
    'incident_malformed',
    `${what} is plain text of one line, of ${shortest} to ${longest} characters.`,
    { facts: { field } },
  );
}
