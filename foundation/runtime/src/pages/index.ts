export * from './csrf.ts';
export * from './error-page.ts';
export * from './form.ts';
export * from './html.ts';
export * from './page.ts';
export * from './routes.ts';
export * from './same-origin.ts';
export * from './send-page.ts';
