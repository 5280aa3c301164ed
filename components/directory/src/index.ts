import type { ComponentMigrations } from '@countersign/runtime';

export { changeApproval } from './change-requests/request.ts';
export { createDirectory, type DirectoryComponent, type DirectoryDependencies } from './directory.ts';
export { directoryRoutes } from './http.ts';
export {
  createDirectoryReplica,
  type DirectoryReplica,
  type DirectoryReplicaDependencies,
} from './replica/directory-replica.ts';
export { defaultAssignableRoles, registerScimRoutes, type ScimDependencies } from './scim/scim.ts';

export const directoryMigrations: ComponentMigrations = {
  name: 'directory',
  schema: 'directory',
  role: 'countersign_directory',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
