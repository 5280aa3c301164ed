export { type RevocationDependencies, revocation } from './revocation.ts';
