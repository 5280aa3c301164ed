export { builtEvidencePage, evidencePageRoute } from './evidence-page.ts';
export { frontPageRedirect, frontPageRoutes } from './http.ts';
