export { type IntrospectionAnswer, type IntrospectionDependencies, introspection } from './introspection.ts';
