export type { RegistrationDirectory } from './client-directory.ts';
export type { ClientInformation } from './describe-client.ts';
export { registrationRoutes } from './http.ts';
export { registrationMetadata } from './metadata.ts';
export { type RegistrationPolicy, registrationPolicySchema } from './policy.ts';
export {
  createRegistration,
  type Registration,
  type RegistrationDependencies,
  registrationPath,
} from './registration.ts';
