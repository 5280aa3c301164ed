export { parseConfiguration, readSecret } from './configuration.ts';
