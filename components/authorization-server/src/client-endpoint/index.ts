export { bindingOf } from './binding.ts';
export {
  type ClientContext,
  type ClientEndpoint,
  type ClientEndpointDependencies,
  createClientEndpoint,
} from './client-endpoint.ts';
