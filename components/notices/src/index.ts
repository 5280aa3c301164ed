import type { ComponentMigrations } from '@countersign/runtime';

export type { NoticeChannel } from './channels/channel.ts';
export { createFolderChannel } from './channels/folder.ts';
export { createWebhookChannel } from './channels/webhook.ts';
export { noticesSchema } from './config.ts';
export { createNotices, type NoticesDependencies, type RunningNotices } from './notices.ts';

export const noticesMigrations: ComponentMigrations = {
  name: 'notices',
  schema: 'notices',
  role: 'countersign_notices',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
};
