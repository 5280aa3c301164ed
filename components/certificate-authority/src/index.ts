import type { ComponentMigrations } from '@countersign/runtime';

export { acmeRoutes } from './acme/http/acme-routes.ts';
export { createCertificateAuthority, type RunningCertificateAuthority } from './certificate-authority.ts';
export type { CertificateAuthorityDependencies } from './dependencies.ts';
export { type EnrolmentRoutes, enrolmentRoutes } from './est/routes.ts';
export { publicKeyInfrastructureRoutes } from './http/public-routes.ts';
export { type CertificateAuthorityRoutes, certificateAuthorityRoutes } from './http/routes.ts';
export { authorityApproval } from './proposals.ts';

/** The schema and migrations of this component. */
export const certificateAuthorityMigrations: ComponentMigrations = {
  name: 'certificate-authority',
  schema: 'certificate_authority',
  role: 'countersign_certificate_authority',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
