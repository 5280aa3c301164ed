export const policyEngineMigrations = {
  name: 'policy-engine',
  schema: 'policy_engine',
  role: 'countersign_policy_engine',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
} as const;
