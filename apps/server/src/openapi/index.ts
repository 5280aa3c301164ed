export { described, describeInterfaces, textOf } from './describe-interfaces.ts';
