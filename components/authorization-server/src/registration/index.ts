export { registrationRoutes } from './http.ts';
export { registrationPolicySchema } from './policy.ts';
export { createRegistration, type Registration, registrationMetadata } from './registration.ts';
