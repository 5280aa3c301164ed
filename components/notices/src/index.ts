export type { NoticeChannel } from './channels/channel.ts';
export { createFolderChannel } from './channels/folder.ts';
export { createWebhookChannel } from './channels/webhook.ts';
export { noticesSchema } from './config.ts';
export { noticesMigrations } from './migrations.ts';
export { createNotices, type NoticesDependencies, type RunningNotices } from './notices.ts';
