export { bindingOf } from './binding.ts';
export { circumstancesOf } from './circumstances.ts';
export {
  type ClientContext,
  type ClientEndpoint,
  type ClientEndpointDependencies,
  createClientEndpoint,
} from './client-endpoint.ts';
