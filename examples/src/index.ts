export { type DemoOptions, runDemo } from './demo/run-demo.ts';
export type { SplitControlPlane } from './demo/split-installation.ts';
