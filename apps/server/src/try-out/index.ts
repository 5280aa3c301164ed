export { tryOutRoutes } from './http.ts';
export { tryOutPath } from './page.ts';
export { evidenceOfExample } from './proof-page.ts';
export { createTryOut, type TryOutKeys } from './try-out.ts';
