export { tryOutRoutes } from './http.ts';
export { tryOutPath } from './page.ts';
export { createTryOut } from './try-out.ts';
