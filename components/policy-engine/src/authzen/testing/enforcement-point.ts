import { asCaller } from '@countersign/testkit';

/** The headers of a service that enforces decisions. */
export function asEnforcementPoint(
  scope: readonly string[] = ['decision:evaluate'],
  institution = '5493000ARRANGERDEM94',
): { readonly authorization: string } {
  return asCaller({ id: 'service:enforcement', institution }, scope, { client: 'pep' });
}
