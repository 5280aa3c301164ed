export { startThread } from './start-thread.ts';
export { workerFile } from './worker-file.ts';
