// Must be first: the verifier's packages use the global `Buffer` while they load.
import './shims/buffer.ts';
import { start } from './page/start.ts';

start();
