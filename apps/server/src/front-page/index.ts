export { builtEvidencePage, evidencePageRoute } from './evidence-page.ts';
export { frontPageElsewhere, frontPageRoutes } from './http.ts';
