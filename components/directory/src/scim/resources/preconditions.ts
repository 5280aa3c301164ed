import { scimErrors } from '../schema/errors.ts';

/** RFC 7644 section 3.14; compared weakly, as its examples require. */
export function namesVersion(header: string, version: string): boolean {
  return header.trim() === '*' || header.split(',').some((tag) => opaque(tag) === opaque(version));
}

export function requireVersion(ifMatch: string | undefined, version: string): void {
  if (ifMatch !== undefined && !namesVersion(ifMatch, version)) throw versionStale();
}

export function versionStale() {
  return scimErrors.error('scim_version_stale', 'The resource has changed. Read it again.');
}

function opaque(tag: string): string {
  return tag.trim().replace(/^W\//, '');
}

export function notFound() {
  return scimErrors.error('scim_resource_unknown', 'There is no such resource.');
}
