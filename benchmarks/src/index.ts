export { figure, type Result, type Round, ratio } from './measure.ts';
export { fullPace, type Pace, quickPace } from './pace.ts';
export { type BenchmarkReport, formatReport, type SuiteName, suiteNames } from './report.ts';
export { type BenchmarkOptions, runBenchmarks } from './run.ts';
