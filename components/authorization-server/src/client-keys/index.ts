export { type ClientKeys, createClientKeys } from './client-keys.ts';
export { type CredentialHolderStore, createCredentialHolderStore } from './credential-holder-store.ts';
export { createKeyReminders, type KeyReminders, type KeyRemindersDependencies } from './key-reminders.ts';
