import type { AuthorizationServerMetadata } from '@countersign/oauth';
import { registrationPath } from './registration.ts';

/** RFC 8414 section 2. */
export function registrationMetadata(issuer: string): Pick<AuthorizationServerMetadata, 'registration_endpoint'> {
  return { registration_endpoint: issuer + registrationPath };
}
